// A charger of `ocpp-rpc`, told on stdin what to do, one JSON value a line; answers each with a line. See test_gateway_peers.py.
'use strict';
const readline = require('readline');
const { RPCClient, createRPCError } = require('ocpp-rpc');

const options = JSON.parse(process.argv[2]);
if (options.passwordHex) options.password = Buffer.from(options.passwordHex, 'hex');
const charger = new RPCClient({ reconnect: false, callConcurrency: 10, ...options });
const say = (value) => process.stdout.write(JSON.stringify(value) + '\n');
const wire = [];
charger.on('message', ({ message, outbound }) => wire.push([outbound ? 'sent' : 'received', message.toString()]));
charger.handle(({ method, params }) => {
  if (method === 'Reset') return { status: 'Accepted' };
  if (method === 'DataTransfer') return { status: 'Accepted', ...(params.data && { data: params.data }) };
  throw createRPCError('NotImplemented', `${method}: not here`);
});

const commands = {
  async connect() {
    await charger.connect();
    return { protocol: charger.protocol };
  },
  call: ([action, payload]) => charger.call(action, payload),
  raw: ([text]) => charger.sendRaw(text) ?? null,
  wire: () => wire,
  close: ([code, reason]) => charger.close({ code, reason }),
};

async function run(line) {
  const [command, ...rest] = JSON.parse(line);
  try {
    say({ result: (await commands[command](rest)) ?? null });
  } catch (error) {
    say({ error: error.rpcErrorCode ?? error.name, code: error.code, message: error.message });
  }
}

let previous = Promise.resolve();
readline.createInterface({ input: process.stdin }).on('line', (line) => { previous = previous.then(() => run(line)); })
  .on('close', () => process.exit(0));
