from __future__ import annotations
import argparse, json, sys, tempfile, time
from pathlib import Path
from benchmarks import processes, scenarios, targets
def main():
    p = argparse.ArgumentParser(); p.add_argument("--target", nargs="*", default=["floor","gevent","litellm"]); p.add_argument("--scenario", nargs="*", default=[]); a = p.parse_args()
    with tempfile.TemporaryDirectory() as f:
        f = Path(f)
        import os
        up = processes.start([sys.executable, "-m", "benchmarks.upstream"], env=os.environ, log=f/"up")
        processes.wait_for(up, lambda: (f/"up").read_text().endswith("\n"))
        url = (f/"up").read_text().strip()
        ts = []
        try:
            for n in a.target:
                if n == "upstream":
                    ts.append(targets.Target(name="upstream", process=up, port=int(url.rpartition(":")[2])))
                else:
                    t0=time.time(); ts.append(targets.start(n, url, f/n)); print(n, "up", round(time.time()-t0,1))
            for s in scenarios.ALL:
                if a.scenario and not s.name.startswith(tuple(a.scenario)): continue
                for t in ts:
                    r = scenarios.run(s.scaled(scenarios.FACTORS.get(t.name,1)), t, url)
                    print(s.name, t.name, json.dumps(r), flush=True)
        except BaseException:
            for n in a.target:
                if (f/n/"log").exists(): print(n, (f/n/"log").read_text()[-3000:])
            raise
        finally:
            for t in ts: t.stop()
            up.stop()
main()
