"""Look at every built page in headless Chromium, on a telephone, a tablet and a desk.

    python docs/check_pages.py FOLDER

Nothing may be wider than the window, boxes that scroll for themselves aside; on a desk none of
those may have to. Every picture must load, every link within a page must lead somewhere, and no
page may ask another server for anything. All pages are opened as frames of one page, which reports
what it measures, so that Chromium alone is needed. Where there is none, this says so and ends well.
"""

import argparse
import functools
import json
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

WIDTHS = (390, 768, 1400)  # a telephone, a tablet, a desk
NOT_OURS = ("genindex.html", "search.html", "py-modindex.html", "_modules/")
SECONDS = 300

MEASURE = """<!DOCTYPE html><title>measuring</title><body><script>
const pages = PAGES, widths = WIDTHS, DESK = Math.max(...widths), report = [];

function scrollsForItself(element) {
  const body = element.ownerDocument.body;
  for (let box = element.parentElement; box && box !== body; box = box.parentElement)
    if (["auto", "scroll", "hidden"].includes(getComputedStyle(box).overflowX)) return true;
  return false;
}

function named(element) {
  return `<${element.localName}> ${element.textContent.trim().slice(0, 60).replace(/\\s+/g, " ")}`;
}

function measure(frame, page, width) {
  const inside = frame.contentDocument, found = { page, width, faults: [] };
  const wide = inside.documentElement.scrollWidth;
  if (wide > width) found.faults.push(`${wide} pixels wide`);
  for (const element of inside.querySelectorAll("article *, .sidebar-container *")) {
    const box = element.getBoundingClientRect();
    if (box.width && box.right > width + 1 && box.left < width && !scrollsForItself(element))
      found.faults.push(`ends at ${Math.round(box.right)}: ${named(element)}`);
  }
  if (width >= DESK)
    for (const box of inside.querySelectorAll("article :is(pre, .table-wrapper, div.math)"))
      if (box.scrollWidth > box.clientWidth + 1)
        found.faults.push(`${box.scrollWidth} in ${box.clientWidth}: ${named(box)}`);
  for (const link of inside.querySelectorAll("article a[href^='#']:not([href='#'])"))
    if (!inside.getElementById(decodeURIComponent(link.hash.slice(1))))
      found.faults.push(`leads nowhere: ${link.hash}`);
  for (const picture of inside.images)
    if (!picture.complete || !picture.naturalWidth)
      found.faults.push(`picture not loaded: ${picture.src}`);
  for (const entry of frame.contentWindow.performance.getEntriesByType("resource"))
    if (new URL(entry.name).host !== location.host)
      found.faults.push(`asks another server: ${entry.name}`);
  found.elements = inside.querySelectorAll("article *").length;
  return found;
}

(async () => {
  for (const width of widths)
    for (const page of pages) {
      const frame = document.createElement("iframe");
      frame.width = width; frame.height = 900; frame.style.border = 0;
      frame.src = page;
      await new Promise(done => { frame.onload = done; document.body.append(frame); });
      for (const picture of frame.contentDocument.images) picture.loading = "eager";
      await Promise.allSettled([...frame.contentDocument.images].map(picture => picture.decode()));
      report.push(measure(frame, page, width));
      frame.remove();
    }
  return report;
})()
  .catch(error => String(error))
  .then(report => fetch("/report", { method: "POST", body: JSON.stringify(report) }));
</script>"""


class Handler(SimpleHTTPRequestHandler):
    """Hands out the pages and the page that measures them, and takes what that one reports."""

    def __init__(self, *args, measure, reports, **options):
        self.measure, self.reports = measure, reports
        super().__init__(*args, **options)

    def do_GET(self):
        if self.path != "/measure":
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(self.measure.encode())

    def do_POST(self):
        self.reports.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass


def chromium():
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


def pages_of(folder):
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.html"))
    return [name for name in names if not name.startswith(("_static/", *NOT_OURS))]


def measured(folder, browser, flags=()):
    """What every page shows at every width: a list of page, width, elements and faults; `flags`
    are more of the browser's.
    """
    text = MEASURE.replace("PAGES", json.dumps(pages_of(folder)), 1)
    text = text.replace("WIDTHS", json.dumps(WIDTHS), 1)
    reports = queue.Queue()
    handler = functools.partial(Handler, measure=text, reports=reports, directory=folder)
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), handler) as server,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        command += ["--disable-dev-shm-usage", *flags]
        command += [f"--user-data-dir={profile}", f"http://127.0.0.1:{server.server_port}/measure"]
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            report = reports.get(timeout=SECONDS)
        finally:
            running.terminate()
            running.wait()
            server.shutdown()
    if isinstance(report, str):
        raise RuntimeError(report)
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="the folder that sphinx-build wrote")
    folder, browser = parser.parse_args().folder, chromium()
    if browser is None:
        print("no Chromium here: nothing was looked at")
        return 0
    report = measured(folder, browser)
    faults = 0
    for view in report:
        for fault in view["faults"]:
            print(f"{view['page']} at {view['width']}: {fault}")
            faults += 1
    print(f"{len({view['page'] for view in report})} pages at widths {WIDTHS}: {faults} faults")
    return 1 if faults or not report else 0


if __name__ == "__main__":
    sys.exit(main())
