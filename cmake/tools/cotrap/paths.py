"""Where things are in the source tree and in a build folder."""

from dataclasses import dataclass
from pathlib import Path

from .errors import ToolError

ROOT = Path(__file__).resolve().parents[3]
TOOLS = ROOT / "cmake" / "tools"


@dataclass(frozen=True)
class Build:
    """One build folder of the kernel and its programs."""

    folder: Path

    @property
    def kernel(self) -> Path:
        return self._existing("kernel/cotrap.elf")

    @property
    def initrd_root(self) -> Path:
        """The files of the boot archive, as the build staged them."""
        return self._existing("initrd-root")

    def _existing(self, name: str) -> Path:
        path = self.folder / name
        if not path.exists():
            raise ToolError(f"{path} is not there: is {self.folder} a riscv64 build?")
        return path


def preset_folder(preset: str) -> Path:
    return ROOT / "build" / preset
