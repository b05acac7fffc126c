def draw(*_: object) -> None: pass
