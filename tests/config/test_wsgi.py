from config.wsgi import undecoded_path


class TestUndecodedPath:
    def test_keeps_what_was_sent(self):
        assert undecoded_path({"RAW_URI": "/a%2Fb/%41?x=/y"}) == "/a%2Fb/%41"
