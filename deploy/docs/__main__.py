"""Write everything that is generated under docs/: `python -m deploy.docs`."""

from deploy.docs import documents


def main() -> None:
    for path, told in documents.generated().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text() != told:
            path.write_text(told)
            print(f"wrote {path.relative_to(documents.DOCS.parent)}")


if __name__ == "__main__":
    main()
