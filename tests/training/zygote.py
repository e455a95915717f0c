"""A process that has imported everything and forks a child for each trial: killing stays cheap.

Reads one JSON command a line, {"function", "arguments", "signal", "after"}, and answers with one:
{"status", "error"}; a child that is killed has a negative status.
"""

import json
import os
import signal
import sys
import tempfile
import time
import traceback

import faults


def serve():
    faults.use_one_thread()
    # a shell's background job ignores SIGINT, and its children with it
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for line in sys.stdin:
        command = json.loads(line)
        with tempfile.TemporaryFile("w+") as messages:
            child = os.fork()
            if child == 0:
                work(command, messages)
            if command.get("signal"):
                time.sleep(command["after"])
                os.kill(child, getattr(signal, command["signal"]))
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            messages.seek(0)
            print(json.dumps({"status": status, "error": messages.read()}), flush=True)


def work(command, messages):
    sys.stdin.close()
    try:
        getattr(faults, command["function"])(**command["arguments"])
        status = 0
    except Exception as error:
        status = getattr(error, "exit_code", 1)
        messages.write(f"{type(error).__name__}: {error}\n")
        if "Error" in type(error).__name__ and "Input" not in type(error).__name__:
            messages.write(traceback.format_exc())
        messages.flush()
    finally:
        os._exit(status)


if __name__ == "__main__":
    serve()
