"""Where the files are that come with the product: beside the package in a wheel, at the root in a checkout."""

from pathlib import Path

from concordat.failures import USAGE, Failure

_PACKAGE = Path(__file__).resolve().parent


def configs_folder() -> Path:
    """The folder `configs`, in whichever layout this is."""
    for folder in (_PACKAGE / "configs", _PACKAGE.parents[1] / "configs"):
        if (folder / "profiles").is_dir():
            return folder
    raise Failure("The folder configs did not come with this installation.", "Install concordat again.")


def profile_file(profile: str) -> Path:
    """The file of a profile: one that comes with the product by its name, any other by its path."""
    folder = configs_folder() / "profiles"
    file = Path(profile).expanduser() if profile.endswith(".toml") else folder / f"{profile}.toml"
    if not file.is_file():
        known = ", ".join(sorted(each.stem for each in folder.glob("*.toml")))
        advice = f"Take one of {known}, or name a file that ends in .toml."
        raise Failure(f"There is no profile {profile}.", advice, status=USAGE)
    return file
