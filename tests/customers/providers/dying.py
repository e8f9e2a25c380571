"""Workers that die in the middle of their work."""


class Killed(BaseException):
    """What no code catches, as nothing catches `kill -9`; transactions end unfinished."""


def dies(*args, **kwargs):
    raise Killed


def dies_after(function):
    def call(*args, **kwargs):
        function(*args, **kwargs)
        raise Killed

    return call
