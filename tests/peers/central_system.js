// A central system of `ocpp-rpc`, told on stdin what to do, one JSON value a line; answers each with a line. See test_gateway_peers.py.
'use strict';
const readline = require('readline');
const { RPCServer, createRPCError } = require('ocpp-rpc');

const options = JSON.parse(process.argv[2]);
const server = new RPCServer(options);
const say = (value) => process.stdout.write(JSON.stringify(value) + '\n');
const clients = new Map();
const wire = [];

server.auth((accept, reject, handshake) => {
  if (!options.passwordsHex.includes(handshake.password?.toString('hex'))) return reject(401, 'Unauthorized');
  return accept();
});
server.on('client', (client) => {
  clients.set(client.identity, client);
  client.on('message', ({ message, outbound }) => wire.push([outbound ? 'sent' : 'received', message.toString()]));
  client.handle('BootNotification', () => ({ status: 'Accepted', interval: 300, currentTime: new Date().toISOString() }));
  client.handle('Heartbeat', () => ({ currentTime: new Date().toISOString() }));
  client.handle(({ method }) => { throw createRPCError('NotImplemented', `${method}: not here`); });
});

const commands = {
  call: ([identity, action, payload]) => clients.get(identity).call(action, payload),
  raw: ([identity, text]) => clients.get(identity).sendRaw(text) ?? null,
  wire: () => wire,
  protocol: ([identity]) => clients.get(identity).protocol,
};

async function run(line) {
  const [command, ...rest] = JSON.parse(line);
  try {
    say({ result: (await commands[command](rest)) ?? null });
  } catch (error) {
    say({ error: error.rpcErrorCode ?? error.name, message: error.message });
  }
}

server.listen(options.port, '127.0.0.1').then(() => say({ result: 'listening' }));
let previous = Promise.resolve();
readline.createInterface({ input: process.stdin }).on('line', (line) => { previous = previous.then(() => run(line)); })
  .on('close', () => process.exit(0));
