# Without arguments: the modules of the standard library and of installed distributions. With "load": those of standard input that load.
import importlib, os, sys

if sys.argv[1:] == ["load"]:
    for name in sys.stdin.read().split():
        child = os.fork()
        if child == 0:
            null = os.open(os.devnull, os.O_RDWR)
            for fd in (0, 1, 2):
                os.dup2(null, fd)
            try:
                importlib.import_module(name)
                os._exit(0)
            except BaseException:
                os._exit(1)
        if os.waitpid(child, 0)[1] == 0:
            print(name, flush=True)
    sys.exit()
for base in [p for p in sys.path[1:] if os.path.isdir(p)]:
    for folder, folders, files in os.walk(base):
        skip = ("test", "tests", "__pycache__", "site-packages", "dist-packages", "lib-dynload")
        folders[:] = [f for f in folders if f not in skip and f.isidentifier()]
        for file in files:
            stem, _, extension = file.partition(".")
            if extension.endswith(("py", "so")) and stem.isidentifier() and stem not in ("__main__", "this", "antigravity"):
                name = os.path.relpath(os.path.join(folder, stem), base).replace("/", ".").removesuffix(".__init__")
                if name != "__init__":
                    print(name)
