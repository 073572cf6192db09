"""temporary"""
import argparse, asyncio, sys, tempfile, json
from pathlib import Path
import contextlib
import uvloop
from benchmarks.rig import rig
from benchmarks.chargers import Fleet
from benchmarks.load import ClosedLoop, OpenLoop
from benchmarks.figures import spread

async def throughput(r, reps, secs, conns=1000):
    with r.reference() as ref, r.gateway() as gw:
        fleets=[]
        for relay in (ref, gw):
            f=Fleet(relay.port)
            await f.connect(r.credentials[:conns], 100)
            fleets.append((relay,f))
        rates={"reference":[], "gateway":[]}
        for n in range(reps):
            for relay,f in fleets:
                cpu=r.cpu(relay)
                rate=2*await ClosedLoop(f).run(2, secs, cpu)
                rates[relay.name].append(rate)
                print(relay.name, f"{rate:.0f} frames/s", cpu.seconds, flush=True)
        for relay,f in fleets:
            if relay.name=="gateway": r.recorded += 2*f.answers
            await f.close()
        m={k:spread(v) for k,v in rates.items()}
        print(m, m["gateway"]["median"]/m["reference"]["median"])
        print("kafka", await r.on_kafka(), r.recorded, r.counts())

with tempfile.TemporaryDirectory() as d, rig(Path(d), 1000) as r:
    try:
        uvloop.run(throughput(r, int(sys.argv[1]), float(sys.argv[2])))
    except BaseException:
        for p in Path(d).iterdir(): print(p.name, p.read_text()[-1500:])
        raise
