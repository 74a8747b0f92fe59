"""Debian packages: fetched and unpacked into a folder, never installed."""
import glob, os, shutil, subprocess

NAMES = """python3.11-doc debian-reference-en developers-reference manpages manpages-dev postgresql-doc-15 maxima-doc octave-doc
anarchism bible-kjv-text dict-gcide dict-foldoc dict-jargon wordnet-base fortunes miscfiles""".split()


def fetch(folder, names=NAMES):
    """Downloads with apt-get what the folder lacks, and unpacks it. Returns the unpacked folder and the version of each package."""
    downloads = os.path.join(folder, "downloads")
    os.makedirs(downloads, exist_ok=True)
    os.makedirs(os.path.join(folder, "unpacked"), exist_ok=True)
    archive = lambda name: next(iter(sorted(glob.glob(os.path.join(downloads, f"{name}_*.deb")))), None)
    missing = [name for name in names if not archive(name)]
    if missing:
        # As root, apt-get warns that its own user cannot write here; it downloads all the same.
        subprocess.run(["apt-get", "download", "-q", *missing], cwd=downloads, check=True, stdout=subprocess.DEVNULL)
    found = {}
    for name in names:
        root = os.path.join(folder, "unpacked", name)
        if not os.path.isdir(root):
            shutil.rmtree(f"{root}.part", ignore_errors=True)
            subprocess.run(["dpkg-deb", "-x", archive(name), f"{root}.part"], check=True)
            os.rename(f"{root}.part", root)
        version = subprocess.run(["dpkg-deb", "-f", archive(name), "Version"], check=True, capture_output=True, text=True)
        found[name] = (root, version.stdout.strip())
    return found
