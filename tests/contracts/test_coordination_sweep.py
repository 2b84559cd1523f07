"""The embedded default throws away what is over, so that its file does not grow for ever."""

from __future__ import annotations

from pathlib import Path

from wxbackend.coordination.sqlite import SWEEP_EVERY_WRITES, SqliteCoordination


def test_what_is_over_is_swept_away_and_what_lasts_is_kept(tmp_path: Path) -> None:
    now = [1_795_000_000_000]
    shared = SqliteCoordination(f"sqlite:///{tmp_path / 'coordination.db'}", lambda: now[0])
    try:
        shared.put("lasting", "v", ttl_s=1_000)
        shared.put("over", "v", ttl_s=1)
        now[0] += 2_000
        for number in range(SWEEP_EVERY_WRITES):
            shared.put("busy", str(number), ttl_s=10)
        assert shared.get("lasting") == "v"
        assert shared.get("over") is None
        assert shared.add("over", "again", ttl_s=10)
    finally:
        shared.close()
