"""What a process has used: processor time and memory, as the operating system counts them."""

import os
import subprocess
from pathlib import Path


def own_megabytes() -> float:
    """The memory of this process that is in RAM (RSS), in MB of 10^6 bytes."""
    return resident_megabytes(os.getpid())


def resident_megabytes(pid: int) -> float:
    """The memory of a process that is in RAM (RSS), in MB of 10^6 bytes."""
    answer = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], check=True, capture_output=True, text=True)
    return int(answer.stdout) * 1024 / 1e6


def processor_seconds(pid: int) -> float:
    """User and system time of a process so far; 0 where there is no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
