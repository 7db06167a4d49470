"""The example host under the strictest content security policy, for the tests of the playground in a browser."""

from project.settings import *  # noqa: F403
from project.settings import MIDDLEWARE

MIDDLEWARE = ["tests.api.browser_settings.StrictPolicy", *MIDDLEWARE]


class StrictPolicy:
    """Nothing inline, nothing from elsewhere."""

    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; font-src 'self';"
        " form-action 'self'; base-uri 'none'"
    )

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response.headers["Content-Security-Policy"] = self.policy
        return response
