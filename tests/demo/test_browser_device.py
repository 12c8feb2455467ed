"""The file of a chest strap beside the result, in a real Chromium."""

import pytest

from tests.demo.browser import analyse, with_example

pytestmark = pytest.mark.browser


def test_rates_of_another_device_appear_beside_the_result_and_leave_with_the_next(
    browser, served, clip, face_models, tmp_path
):
    strap = tmp_path / "strap.csv"
    strap.write_text("time_s,hr_bpm\n" + "".join(f"{k},71\n" for k in range(20)))
    page = with_example(browser, served.url, width=360)
    analyse(page, clip)
    page.locator("#verdict", has_text="deleted").wait_for()
    page.locator("#analyse:enabled").wait_for()
    page.get_by_role("button", name="Or compare with a chest strap").click()
    page.locator("#device input[type=file]").set_input_files(strap)
    page.locator("#device-result", has_text="Reference 71 bpm").wait_for()
    page.locator("#device-figure .js-plotly-plot").wait_for()
    assert not [name for name in served.files() if name.endswith(".csv")]
    page.locator("#analyse:enabled").click()
    page.locator("#device-result", has_text="Reference").wait_for(state="detached")
    page.locator("#analyse:enabled").wait_for()
    assert page.failed == []
    page.close()
