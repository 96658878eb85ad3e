"""What ordinary programs do with the standard library, one line of result per piece.

Run by test_filter.py with and without the system call filter: the lines must be the same. So each
result says what happened (an exception included) and never a time, a pid or an address.
"""

import asyncio
import concurrent.futures
import contextlib
import ctypes
import decimal
import fcntl
import glob
import io
import json
import mmap
import multiprocessing
import multiprocessing.managers
import os
import pathlib
import platform
import queue
import random
import resource
import select
import selectors
import shutil
import signal
import socket
import socketserver
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import uuid
import zipfile

PIECES = []
WORK = None


def piece(function):
    PIECES.append(function)
    return function


# ---- files

@piece
def files():
    path = os.path.join(WORK, "a.txt")
    with open(path, "w") as out:
        out.write("x" * 100000)
    os.chmod(path, 0o640)
    os.truncate(path, 5)
    os.utime(path, (1, 2))
    info = os.stat(path)
    os.link(path, path + ".link")
    os.symlink("a.txt", path + ".sym")
    os.rename(path + ".link", path + ".moved")
    os.replace(path + ".moved", path + ".again")
    return (info.st_size, oct(info.st_mode), info.st_mtime, os.readlink(path + ".sym"),
            sorted(os.listdir(WORK)), os.access(path, os.W_OK), os.path.samefile(path, path + ".again"))


@piece
def file_calls():
    fd = os.open(os.path.join(WORK, "b"), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    os.pwrite(fd, b"hello world", 0)
    os.posix_fallocate(fd, 0, 4096)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_SEQUENTIAL)
    os.fsync(fd)
    os.fdatasync(fd)
    got = os.preadv(fd, [bytearray(5)], 0), os.pread(fd, 5, 6), os.lseek(fd, 0, os.SEEK_END)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    copy = os.dup(fd)
    os.set_inheritable(copy, True)
    got += os.get_inheritable(copy), os.isatty(fd), os.fstatvfs(fd).f_bsize > 0
    os.close(copy)
    os.close(fd)
    return got


@piece
def trees():
    top = pathlib.Path(WORK, "tree")
    for i in range(20):
        (top / str(i % 5) / str(i)).mkdir(parents=True)
        (top / str(i % 5) / str(i) / "f").write_text("text %d" % i)
    os.mkfifo(top / "fifo")
    (top / "fifo").unlink()
    shutil.copytree(top, top.with_name("copy"), symlinks=True)
    shutil.move(str(top.with_name("copy")), str(top.with_name("moved")))
    shutil.copy2(top / "0" / "0" / "f", top / "copied")
    shutil.copystat(top / "0" / "0" / "f", top / "copied")
    found = sorted(p.relative_to(WORK).as_posix() for p in top.rglob("f"))
    archive = shutil.make_archive(os.path.join(WORK, "archive"), "gztar", str(top))
    shutil.unpack_archive(archive, os.path.join(WORK, "unpacked"))
    shutil.rmtree(top.with_name("moved"))
    walked = sum(len(f) for _, _, f in os.walk(os.path.join(WORK, "unpacked")))
    return found, walked, len(glob.glob(os.path.join(WORK, "**", "f"), recursive=True))


@piece
def temporary():
    with tempfile.TemporaryDirectory(dir=WORK) as folder, \
            tempfile.NamedTemporaryFile(dir=folder) as named, tempfile.TemporaryFile() as plain, \
            tempfile.SpooledTemporaryFile(10) as spooled:
        named.write(b"1")
        plain.write(b"22")
        spooled.write(b"3" * 100)
        plain.seek(0)
        return os.path.exists(named.name), plain.read(), spooled.tell()


@piece
def sending_files():
    source = os.path.join(WORK, "source")
    pathlib.Path(source).write_bytes(os.urandom(300000))
    with open(source, "rb") as one, open(os.path.join(WORK, "sent"), "wb") as two:
        sent = os.sendfile(two.fileno(), one.fileno(), 0, 300000)
    shutil.copyfile(source, os.path.join(WORK, "copied"))
    same = pathlib.Path(source).read_bytes() == pathlib.Path(WORK, "copied").read_bytes()
    with zipfile.ZipFile(os.path.join(WORK, "z.zip"), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(source, "x")
    return sent, same, zipfile.is_zipfile(os.path.join(WORK, "z.zip"))


@piece
def memory_maps():
    with open(os.path.join(WORK, "map"), "w+b") as out:
        out.truncate(65536)
        with mmap.mmap(out.fileno(), 65536) as area:
            area[100:105] = b"hello"
            area.flush()
            area.resize(131072)
            found = area.find(b"hello"), len(area)
            if hasattr(area, "madvise"):
                area.madvise(mmap.MADV_WILLNEED)
    with mmap.mmap(-1, 1 << 20) as anonymous:
        anonymous.write(b"z" * 1000)
    return found, mmap.PAGESIZE


@piece
def database():
    path = os.path.join(WORK, "db.sqlite")
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("pragma journal_mode=wal")
        db.execute("create table t (a integer primary key, b text)")
        with db:
            db.executemany("insert into t (b) values (?)", [(str(i),) for i in range(2000)])
        total = db.execute("select sum(a), count(distinct b) from t").fetchone()
        db.execute("vacuum")
    return total


# ---- threads and processes

@piece
def threads():
    lock, done, results = threading.Lock(), queue.Queue(), []

    def work(n):
        with lock:
            results.append(n * n)
        done.put(n)

    running = [threading.Thread(target=work, args=(i,)) for i in range(20)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    event = threading.Event()
    timer = threading.Timer(0.01, event.set)
    timer.start()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        squares = sum(pool.map(lambda n: n * n, range(50)))
    return sorted(results)[-1], done.qsize(), event.wait(10), squares


@piece
def subprocesses():
    run = subprocess.run([sys.executable, "-c", "print(input()*2)"], input="ab", text=True,
                         stdout=subprocess.PIPE, check=True)
    failing = subprocess.run([sys.executable, "-c", "import sys; sys.exit(3)"])
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as slow:
        try:
            slow.wait(0.05)
        except subprocess.TimeoutExpired:
            slow.kill()
        killed = slow.wait()
    detached = subprocess.run([sys.executable, "-c", "import os; print(os.getsid(0)==os.getpid())"],
                              start_new_session=True, stdout=subprocess.PIPE, cwd=WORK,
                              env={"A": "1"}, close_fds=True, check=True).stdout
    shell = subprocess.run("echo shell; exit 4", shell=True, stdout=subprocess.PIPE)
    return (run.stdout, failing.returncode, killed, detached, shell.returncode, shell.stdout,
            os.waitstatus_to_exitcode(os.system("exit 7")) if sys.version_info >= (3, 9) else 7)


@piece
def forks():
    seen = []
    for code in (0, 5):
        pid = os.fork()
        if pid == 0:
            os._exit(code)
        seen.append(os.WEXITSTATUS(os.waitpid(pid, 0)[1]))
    pid = os.posix_spawn(sys.executable, [sys.executable, "-c", "raise SystemExit(6)"], os.environ)
    seen.append(os.WEXITSTATUS(os.waitpid(pid, 0)[1]))
    pid = os.fork()
    if pid == 0:
        os.abort()
    seen.append(os.WTERMSIG(os.waitpid(pid, 0)[1]))
    if hasattr(os, "pidfd_open"):
        pid = os.fork()
        if pid == 0:
            os._exit(8)
        fd = os.pidfd_open(pid)
        seen.append(os.waitid(os.P_PIDFD, fd, os.WEXITED).si_status)
        os.close(fd)
    return seen


def square(n):
    return n * n


def fill(conn, values, lock):
    with lock:
        values[0] += 1
    conn.send(os.getppid() > 0)
    conn.close()


def processes_by(method):
    context = multiprocessing.get_context(method)
    lock, values = context.Lock(), context.Array("i", 4)
    ours, theirs = context.Pipe()
    child = context.Process(target=fill, args=(theirs, values, lock))
    child.start()
    got = ours.recv()
    child.join(30)
    with context.Pool(2) as pool:
        squares = pool.map(square, range(10))
    return child.exitcode, got, values[0], sum(squares)


@piece
def multiprocessing_fork():
    return processes_by("fork")


@piece
def multiprocessing_spawn():
    return processes_by("spawn")


@piece
def multiprocessing_forkserver():
    return processes_by("forkserver")


@piece
def managers():
    with multiprocessing.get_context("fork").Manager() as manager:
        shared, numbers = manager.dict(), manager.list([1, 2])
        shared["a"] = 1
        numbers.append(3)
        return dict(shared), list(numbers)


@piece
def shared_memory():
    from multiprocessing import shared_memory as module
    block = module.SharedMemory(create=True, size=10000)
    block.buf[:5] = b"hello"
    again = module.SharedMemory(block.name)
    got = bytes(again.buf[:5])
    again.close()
    block.close()
    block.unlink()
    return got


@piece
def process_pool():
    context = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        return sum(pool.map(square, range(20)))


# ---- waiting and talking

async def talk():
    async def serve(reader, writer):
        writer.write((await reader.readline()).upper())
        await writer.drain()
        writer.close()

    path = os.path.join(WORK, "async.sock")
    server = await asyncio.start_unix_server(serve, path)
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"hello\n")
    answer = await reader.readline()
    writer.close()
    server.close()
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", "print('from child')",
                                                 stdout=asyncio.subprocess.PIPE)
    out, _ = await child.communicate()
    loop = asyncio.get_running_loop()
    in_thread = await loop.run_in_executor(None, square, 7)
    try:
        await asyncio.wait_for(asyncio.sleep(60), 0.01)
    except asyncio.TimeoutError:
        late = True
    together = await asyncio.gather(*(asyncio.sleep(0.001, n) for n in range(5)))
    return answer, out, child.returncode, in_thread, late, together


@piece
def asyncio_all():
    return asyncio.run(talk())


@piece
def waiting():
    reader, writer = os.pipe()
    one, two = socket.socketpair()
    got = [select.select([reader], [writer], [], 0)[0] == []]
    os.write(writer, b"x")
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    got.append(len(poll.poll(1000)))
    with select.epoll() as epoll:
        epoll.register(reader, select.EPOLLIN)
        got.append(len(epoll.poll(1)))
    with selectors.DefaultSelector() as selector:
        selector.register(two, selectors.EVENT_READ)
        one.sendall(b"ping")
        got.append(len(selector.select(1)))
    two.setblocking(False)
    got.append(two.recv(10))
    got.append(two.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE))
    if hasattr(os, "eventfd"):
        event = os.eventfd(3)
        got.append(os.eventfd_read(event))
        os.close(event)
    for fd in (reader, writer):
        os.close(fd)
    one.close()
    two.close()
    return got


@piece
def local_sockets():
    path = os.path.join(WORK, "sock")

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            self.wfile.write(self.rfile.readline()[::-1])

    with socketserver.ThreadingUnixStreamServer(path, Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            client.sendall(b"abc\n")
            answer = client.recv(10)
        server.shutdown()
    one, two = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, two:
        reader, writer = os.pipe()
        one.sendmsg([b"fd"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, bytes(ctypes.c_int(reader)))])
        message = two.recvmsg(10, socket.CMSG_SPACE(4))
        os.close(ctypes.c_int.from_buffer_copy(message[1][0][2]).value)
        os.close(reader)
        os.close(writer)
    return answer, message[0], len(message[1])


@piece
def signals():
    got = []
    old = signal.signal(signal.SIGUSR1, lambda number, frame: got.append(number))
    os.kill(os.getpid(), signal.SIGUSR1)
    signal.raise_signal(signal.SIGUSR1)
    signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, old)
    signal.signal(signal.SIGALRM, lambda number, frame: got.append(number))
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    signal.pause()
    signal.alarm(0)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
    os.kill(os.getpid(), signal.SIGUSR2)
    pending = sorted(signal.sigpending())
    caught = signal.sigtimedwait([signal.SIGUSR2], 1).si_signo
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR2])
    return got, pending, caught


# ---- the rest

@piece
def numbers():
    decimal.getcontext().prec = 60
    random.seed(1)
    return (decimal.Decimal(2).sqrt(), random.random(), json.dumps({"a": [1, 2.5, None]}),
            len(os.urandom(16)), uuid.uuid4().version, uuid.uuid1().version)


@piece
def times():
    start = time.monotonic()
    time.sleep(0.01)
    return (time.monotonic() - start > 0.009, time.gmtime(0).tm_year, time.process_time() > 0,
            time.thread_time() > 0, time.get_clock_info("monotonic").monotonic,
            time.clock_getres(time.CLOCK_REALTIME) < 1)


@piece
def about_the_system():
    return (os.cpu_count() == len(os.sched_getaffinity(0)) or True, os.getloadavg()[0] >= 0,
            platform.system(), os.uname().sysname, resource.getrusage(resource.RUSAGE_SELF)[0] >= 0,
            resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 0, os.getpriority(os.PRIO_PROCESS, 0),
            os.sched_getscheduler(0), os.times()[0] >= 0, os.getpgid(0) == os.getpgrp(),
            len(os.sysconf_names) > 0, os.umask(0o22) >= 0)


@piece
def lowering_a_limit():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 200), hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] <= 200


@piece
def foreign_functions():
    libc = ctypes.CDLL(None)
    compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int),
                               ctypes.POINTER(ctypes.c_int))
    values = (ctypes.c_int * 5)(5, 3, 1, 4, 2)
    libc.qsort(values, 5, 4, compare(lambda a, b: a[0] - b[0]))
    return list(values), libc.strlen(b"abc")


@piece
def standard_streams():
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        print("inside")
    return out.getvalue(), sys.stdin.read(), os.isatty(0), os.isatty(1)


@piece
def tracebacks():
    try:
        raise ValueError("x") from KeyError("y")
    except ValueError:
        return traceback.format_exc().count("Error")


@piece
def stack():
    def deeper(n):
        return deeper(n + 1)

    try:
        deeper(0)
    except RecursionError:
        pass
    threading.stack_size(1 << 20)
    thread = threading.Thread(target=time.sleep, args=(0,))
    thread.start()
    thread.join()
    return threading.stack_size(0)


@piece
def modes_that_stay_ordinary():
    path = os.path.join(WORK, "modes")
    pathlib.Path(path).touch()
    os.chmod(path, 0o1777 & 0o777)
    return stat.filemode(os.stat(path).st_mode)


def science():
    """Only where the packages are: `stdlib_exercise.py science`."""
    os.environ["MPLCONFIGDIR"] = WORK
    import numpy
    import pandas
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot

    generator = numpy.random.default_rng(1)
    matrix = generator.standard_normal((200, 200))
    values = numpy.linalg.svd(matrix, compute_uv=False)
    product = (matrix @ matrix.T).trace()
    frame = pandas.DataFrame({"a": range(1000), "b": ["x", "y"] * 500})
    path = os.path.join(WORK, "t.csv")
    frame.to_csv(path)
    grouped = pandas.read_csv(path).groupby("b").a.mean()
    mapped = numpy.memmap(os.path.join(WORK, "m"), dtype="f8", mode="w+", shape=(1000,))
    mapped[:] = 1
    mapped.flush()
    pyplot.plot(values)
    pyplot.title("singular values")
    pyplot.savefig(os.path.join(WORK, "p.png"))
    size = os.path.getsize(os.path.join(WORK, "p.png"))
    return round(float(values[0]), 6), round(float(product), 4), dict(grouped), size > 1000


def main():
    global WORK
    pieces = [science] if sys.argv[1:] == ["science"] else PIECES
    for function in pieces:
        WORK = tempfile.mkdtemp(prefix="exercise-")
        try:
            result = function()
        except Exception as error:  # what went wrong is the result
            result = "%s: %s" % (type(error).__name__, error)
        text = repr(result).replace(WORK, "WORK")
        shutil.rmtree(WORK)
        print("%s: %s" % (function.__name__, text), flush=True)


if __name__ == "__main__":
    main()
