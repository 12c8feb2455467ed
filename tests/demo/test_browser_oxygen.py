"""SpO2 of a face in a real Chromium: nothing before the click, then numbers that say that they are not calibrated."""

import pytest

from tests.demo.browser import analyse, no_foreign_requests, snapshot, visit

pytestmark = pytest.mark.browser
FIGURE = "#oxygen-figure .js-plotly-plot .main-svg"


def test_own_face_gets_its_numbers_on_the_click_beside_what_they_rest_on(browser, served, clip, face_models):
    page = visit(browser, served.url, width=400)
    analyse(page, clip)
    page.locator("#verdict", has_text="deleted").wait_for()
    page.wait_for_selector("#stop", state="detached")
    before, verdict = served.files(), page.inner_text("#verdict")
    page.get_by_role("button", name="SpO2 (teaching)").click()
    page.locator("#oxygen-show").wait_for()
    assert page.locator(FIGURE).count() == 0 and page.inner_text("#oxygen-said").strip() == ""

    page.locator("#oxygen-show").click()
    page.locator("#oxygen-said table").first.wait_for()
    said = page.inner_text("#oxygen-said")
    assert "not calibrated" in said and "physmle" in said
    page.locator(FIGURE).first.wait_for()
    snapshot(page, "oxygen_phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert page.inner_text("#verdict") == verdict and "SpO2" not in verdict
    assert served.files() == before
    assert page.failed == []
    no_foreign_requests(page)

    page.locator("#delete").click()
    page.locator("#deleted", has_text="Deleted at").wait_for()
    page.locator("#oxygen-said table").first.wait_for(state="detached")
    page.close()
