"""Services that nobody here wrote, under a load of their own kind: Debian's prometheus, caddy and
nats-server, on 127.0.0.1 only, as scripts/services unpacks them.

A service is started in a folder of its own, which has all that it writes. load(seconds) gives it
something to do; memory() is what it says of itself.
"""
import http.client
import http.server
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

import truth

FOLDER = truth.CACHE / "services"
SECONDS_TO_START = 60


class Missing(Exception):
    """Why a service cannot be had here."""


def fetch(package):
    done = subprocess.run([truth.ROOT / "scripts" / "services", package], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise Missing(done.stdout.strip()[-200:] or f"no package {package}")
    return FOLDER / package


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def get(port, path, **headers):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=60) as response:
        return response.read()


def in_threads(count, work, seconds):
    """work(number, until) in that many threads; the first exception of them is raised."""
    failed = []
    until = time.monotonic() + seconds

    def one(number):
        try:
            work(number, until)
        except Exception as problem:  # pylint: disable=broad-except
            failed.append(problem)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


class Service:
    """A running service: .pid, and .done, how many requests or messages it had."""

    package = program = None

    def __init__(self, folder):
        self.folder = Path(folder)
        self.port = free_port()
        self.done = 0
        self.log = open(self.folder / "log", "wb")
        root = fetch(self.package)
        self.prepare()
        environment = {k: v for k, v in os.environ.items() if not k.startswith("GO")}
        environment.update(HOME=str(self.folder), GOMAXPROCS="2")
        try:
            self.process = subprocess.Popen([root / self.program, *map(str, self.arguments())], cwd=folder,
                                            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                            env=environment)
        except OSError as problem:
            raise Missing(str(problem)) from problem
        self.pid = self.process.pid
        deadline = time.monotonic() + SECONDS_TO_START
        while True:
            try:
                self.is_ready()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.stop()
                    raise Missing(f"{self.package} does not start: "
                                  f"{(self.folder / 'log').read_text(errors='replace')[-200:]}") from None
                time.sleep(0.1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def prepare(self):
        """Writes what it needs before it starts."""

    def arguments(self):
        raise NotImplementedError

    def is_ready(self):
        """Raises OSError while it is not."""
        with socket.create_connection(("127.0.0.1", self.port), 5):
            pass

    def load(self, seconds):
        raise NotImplementedError

    def rest(self):
        """Keeps it from doing anything by itself, as far as that can be."""

    debug_port = None  # its net/http/pprof

    def memory(self):
        """Its own runtime.MemStats, which the profile of the heap ends with, and its goroutines without
        the two that answer."""
        port = self.debug_port()
        text = get(port, "/debug/pprof/heap?debug=1").decode()
        stats = {name: int(value) for name, value in re.findall(r"^# (\w+) = (\d+)", text, re.M)}
        total = re.search(r"goroutine profile: total (\d+)",
                          get(port, "/debug/pprof/goroutine?debug=1").decode())
        return {**stats, "Goroutines": int(total[1]) - 2}

    def exported(self):
        """go_memstats_* where it has /metrics, else None. Its figures of objects come from runtime/metrics,
        which does not see what the processors' caches hold; those of spans and stacks are exact."""
        return None


def prometheus_metrics(text):
    found = re.findall(r"^go_memstats_(\w+) ([\d.e+]+)$", text.decode(), re.M)
    return {name: float(value) for name, value in found}


class Exporter(http.server.ThreadingHTTPServer):
    """What prometheus scrapes: 2,000 series that count up, some of which come and go."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), ExporterHandler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class ExporterHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        now = int(time.time())
        lines = [f'shop_requests_total{{route="/item/{i}",code="200",instance_id="{self.path}"}} {now + i}'
                 for i in range(1900)]
        lines += [f'shop_batch_seconds{{job_id="{now // 30}-{i}"}} {i}.5' for i in range(100)]
        body = ("\n".join(lines) + "\n").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(body)

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass  # prometheus does not wait for ever

    def log_message(self, *_):
        pass


class Prometheus(Service):
    """Scrapes itself and a shop of many series, and answers queries."""

    package, program = "prometheus", "usr/bin/prometheus"

    def prepare(self):
        self.exporter = Exporter()
        port = self.exporter.server_address[1]
        jobs = "".join(f"""
  - job_name: shop{n}
    metrics_path: /metrics/{n}
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]""" for n in range(5))
        (self.folder / "prometheus.yml").write_text(f"""
global: {{scrape_interval: 1s, evaluation_interval: 5s}}
rule_files: [rules.yml]
scrape_configs:
  - job_name: self
    static_configs: [{{targets: ["127.0.0.1:{self.port}"]}}]{jobs}
""")
        (self.folder / "rules.yml").write_text("""
groups:
  - name: shop
    rules:
      - {record: "route:requests:rate", expr: "sum by (route) (rate(shop_requests_total[10s]))"}
""")

    def arguments(self):
        return ("--config.file=prometheus.yml", "--storage.tsdb.path=data",
                f"--web.listen-address=127.0.0.1:{self.port}")

    def is_ready(self):
        get(self.port, "/-/ready")

    def load(self, seconds):
        def ask(number, until):
            while time.monotonic() < until:
                now = time.time()
                get(self.port, "/api/v1/query?query=sum(rate(shop_requests_total[30s]))")
                get(self.port, "/api/v1/query_range?query=shop_requests_total%7Bjob%3D%22shop"
                    f"{number}%22%7D&start={now - 60}&end={now}&step=5")
                get(self.port, f"/api/v1/series?match[]=shop_batch_seconds&start={now - 60}&end={now}")
                self.done += 3
                time.sleep(0.2)

        in_threads(2, ask, seconds)

    def rest(self):
        """Nothing to scrape and no rules: it reads its configuration again."""
        (self.folder / "prometheus.yml").write_text("global: {scrape_interval: 1m}\n")
        self.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + SECONDS_TO_START
        while b'"activeTargets":[]' not in get(self.port, "/api/v1/targets"):
            if time.monotonic() > deadline:
                raise OSError("prometheus does not read its configuration")
            time.sleep(0.2)

    def debug_port(self):
        return self.port

    def exported(self):
        return prometheus_metrics(get(self.port, "/metrics"))

    def stop(self):
        super().stop()
        self.exporter.shutdown()
        self.exporter.server_close()


class Caddy(Service):
    """Serves files, compressed, and proxies to itself."""

    package, program = "caddy", "usr/bin/caddy"

    def prepare(self):
        self.admin, self.inner = free_port(), free_port()
        site = self.folder / "site"
        site.mkdir()
        for i in range(50):
            (site / f"page{i}.html").write_text(f"<h1>page {i}</h1>\n" + "<p>text of a page</p>\n" * 40 * i)
        (self.folder / "Caddyfile").write_text(f"""
{{
    admin 127.0.0.1:{self.admin}
    servers {{
        metrics
    }}
}}
http://127.0.0.1:{self.port} {{
    encode gzip zstd
    root * {site}
    handle /proxy/* {{
        uri strip_prefix /proxy
        reverse_proxy 127.0.0.1:{self.inner}
    }}
    handle {{
        file_server browse
    }}
}}
http://127.0.0.1:{self.inner} {{
    root * {site}
    templates
    file_server
}}
""")

    def arguments(self):
        return ("run", "--config", "Caddyfile", "--adapter", "caddyfile")

    def load(self, seconds):
        def visit(number, until):
            connection = None
            while time.monotonic() < until:
                # One connection in a hundred requests, as browsers come and go.
                if connection is None or self.done % 100 == number:
                    connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
                page = self.done % 50
                connection.request("GET", ("/proxy" if page % 3 == 0 else "") + f"/page{page}.html",
                                   headers={"Accept-Encoding": "gzip", "X-Visitor": f"visitor-{self.done}"})
                response = connection.getresponse()
                response.read()
                if response.status != 200:
                    raise OSError(f"caddy answers {response.status}")
                self.done += 1

        in_threads(8, visit, seconds)

    def debug_port(self):
        return self.admin

    def exported(self):
        return prometheus_metrics(get(self.admin, "/metrics"))


class Nats(Service):
    """Routes messages from publishers to subscribers, and keeps a stream of them in memory."""

    package, program = "nats-server", "usr/sbin/nats-server"

    def prepare(self):
        self.monitor, self.profile = free_port(), free_port()
        (self.folder / "nats.conf").write_text(f"""
listen: 127.0.0.1:{self.port}
http: 127.0.0.1:{self.monitor}
prof_port: {self.profile}
jetstream {{ store_dir: data, max_memory_store: 256M, max_file_store: 256M }}
""")

    def arguments(self):
        return ("-c", "nats.conf")

    def is_ready(self):
        get(self.monitor, "/varz")

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.port), 60)
        s.sendall(b'CONNECT {"verbose":false,"name":"load"}\r\nPING\r\n')
        seen = b""
        while b"PONG" not in seen:
            part = s.recv(65536)
            if not part:
                raise OSError("nats-server ends the connection")
            seen += part
        return s

    def load(self, seconds):
        if not self.done:
            with self.connect() as s:
                stream = json.dumps({"name": "ORDERS", "subjects": ["orders.>"], "storage": "memory",
                                     "retention": "limits", "max_msgs": 20000, "discard": "old"}).encode()
                s.sendall(b"SUB _INBOX.x 1\r\nPUB $JS.API.STREAM.CREATE.ORDERS _INBOX.x %d\r\n%s\r\n"
                          % (len(stream), stream))
                answer = s.recv(65536)
                if b'"error"' in answer or b"MSG" not in answer:
                    raise OSError(f"no stream: {answer[:200]}")

        def publish(number, until):
            while time.monotonic() < until:
                with self.connect() as s:  # a client that comes, works for a while and goes
                    for turn in range(200):
                        batch = b"".join(b"PUB %s.%d.%d 300\r\n%s\r\n" % (kind, number, i, b"x" * 300)
                                         for i in range(20) for kind in (b"orders", b"news"))
                        s.sendall(batch)
                        self.done += 40
                        if time.monotonic() > until:
                            return
                        time.sleep(0.005)

        def subscribe(number, until):
            while time.monotonic() < until:
                with self.connect() as s:
                    s.settimeout(1)
                    s.sendall(b"".join(b"SUB news.*.%d %d\r\n" % (i, i + 1) for i in range(20)))
                    end = min(until, time.monotonic() + 5)
                    while time.monotonic() < end:
                        try:
                            if not s.recv(1 << 18):
                                raise OSError("nats-server ends the connection")
                        except socket.timeout:
                            pass

        in_threads(8, lambda number, until: (publish if number < 4 else subscribe)(number, until), seconds)

    def debug_port(self):
        return self.profile


ALL = (Prometheus, Caddy, Nats)
