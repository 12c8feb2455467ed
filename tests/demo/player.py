"""The player on a page, as a test sees and moves it."""

from __future__ import annotations

from tests.demo.browser import upload, visit


def opened(browser, address, **how):
    page = visit(browser, address, **how)
    page.wait_for_selector("rppg-viewer [type=range]")
    page.wait_for_function(
        "document.querySelector('rppg-viewer').shadowRoot.querySelector('.face').width > 300"
    )
    return page


def inside(page, script: str):
    """JavaScript on the shadow root of the player, as `root`; `$` finds one element there."""
    return page.evaluate(
        f"(() => {{ const root = document.querySelector('rppg-viewer').shadowRoot;"
        f" const $ = (selector) => root.querySelector(selector); return {script}; }})()"
    )


def show_file(page, path) -> None:
    upload(page, path)
    page.locator("#analyse").click()
    wait_for_video(page)


def wait_for_video(page) -> None:
    page.wait_for_function(
        "document.querySelector('rppg-viewer').shadowRoot.querySelector('video')?.readyState >= 2"
    )


def playhead_px(page) -> float:
    return float(inside(page, "parseFloat($('.ahead').style.left)"))


def painted(page) -> int:
    """Pixels over the picture that are not empty."""
    return inside(
        page,
        "$('.face').getContext('2d').getImageData(0, 0, $('.face').width, $('.face').height).data"
        ".filter((value, k) => k % 4 === 3 && value > 0).length",
    )


def pulse(page) -> float:
    return float(inside(page, "getComputedStyle($('.stage')).getPropertyValue('--pulse')"))


def seek(page, time_s: float) -> None:
    page.evaluate(f"document.querySelector('rppg-viewer').seek({time_s})")
    page.wait_for_timeout(150)
