from django.test import Client as Browser


class TestPolicy:
    def test_forbids_inline_scripts_everywhere(self, anonymous):
        for target in ("/admin/login/", "/nowhere"):
            policy = anonymous.get(target).headers["content-security-policy"]
            [scripts] = [part for part in policy.split("; ") if part.startswith("script-src")]

            assert "'unsafe-inline'" not in scripts
            assert "frame-ancestors 'none'" in policy

    def test_allows_eval_in_the_admin_alone(self, anonymous):
        admin = anonymous.get("/admin/login/").headers["content-security-policy"]
        other = anonymous.get("/nowhere").headers["content-security-policy"]

        assert "'unsafe-eval'" in admin
        assert "unsafe" not in other


class TestErrorPages:
    def test_answer_programs_in_json(self, anonymous):
        answer = anonymous.get("/api/v2/nothing")

        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["code"] == "resource_not_found"

    def test_answer_people_with_a_page(self, anonymous):
        answer = anonymous.get("/nothing")

        assert answer.status == 404
        assert answer.headers["content-type"].startswith("text/html")

    def test_say_what_to_do_with_a_form_whose_session_is_another_one(self, db):
        browser = Browser(enforce_csrf_checks=True)

        page = browser.post("/admin/login/", {"login": "ada@acme.test"})

        assert page.status_code == 403
        assert b"This form is out of date" in page.content
        assert b"what you typed is still there" in page.content
