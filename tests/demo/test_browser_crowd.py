"""Several visitors at once: everybody is served, waits in sight, and leaves nothing behind."""

from time import monotonic, sleep

import pytest

from tests.demo.browser import analyse, serve, upload, visit

pytestmark = pytest.mark.browser
EMPTY = ["vibe_edit_history"]
ANALYSE_AND_REMEMBER_PLACES = r"""() => {
  window.places = [];
  const start = performance.now();
  const look = () => {
    const place = document.querySelector("#verdict").innerText.match(/queue: (\d+\/\d+)/);
    if (!place || place[1] === window.places.at(-1)) return;
    if (!window.places.length) window.firstSeenS = (performance.now() - start) / 1000;
    window.places.push(place[1]);
  };
  new MutationObserver(look).observe(document.body, {subtree: true, childList: true, characterData: true});
  document.querySelector("#analyse").click();
}"""


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """An app that no other test uses."""
    with serve(tmp_path_factory.mktemp("crowd")) as app:
        yield app


@pytest.fixture
def pages(browser, alone):
    """Visitors, each with a browser profile of their own."""
    opened = []

    def another():
        opened.append(visit(browser, alone.url))
        return opened[-1]

    yield another
    for page in opened:
        page.close()


def gone(app, name: str = "", seconds: float = 5) -> bool:
    """Within this time no file of that name is left, or no file at all."""
    until = monotonic() + seconds
    while True:
        left = [path for path in app.files() if path not in EMPTY and path.endswith(name)]
        if not left or monotonic() >= until:
            return not left
        sleep(0.1)


def test_three_equal_uploads_finish_and_a_fourth_sees_its_place(pages, alone, clip, long_clip, face_models):
    first, *others = pages(), pages(), pages()
    last = pages()
    for page, path in ((first, long_clip), *((page, clip) for page in (*others, last))):
        upload(page, path)
    first.locator("#analyse").click()
    first.locator("#verdict", has_text="reading frame").wait_for()
    for page in (*others, last):  # at once: slow pages must not let the first be done before all have asked
        page.evaluate(ANALYSE_AND_REMEMBER_PLACES)
    for page in (first, *others, last):
        page.locator("#verdict h2", has_text="usable").wait_for()
        page.locator("#verdict", has_text="Your video was deleted").wait_for()
    places = [page.evaluate("window.places") for page in (*others, last)]
    assert sorted(seen[0] for seen in places) == ["1/1", "2/2", "3/3"], places
    assert all(seen == sorted(seen, reverse=True) for seen in places), places
    assert max(page.evaluate("window.firstSeenS") for page in (*others, last)) < 5
    assert gone(alone)


def one_analyses(pages, clip, long_clip):
    """Two visitors: one whose long video is being read, and one who has uploaded a short one."""
    busy, other = pages(), pages()
    upload(other, clip)
    analyse(busy, long_clip)
    busy.locator("#verdict", has_text="reading frame").wait_for()
    return busy, other


def test_visitor_who_leaves_frees_the_slot_and_leaves_nothing(pages, alone, clip, long_clip, face_models):
    leaver, stayer = one_analyses(pages, clip, long_clip)
    assert not gone(alone, "long.mp4", seconds=0)
    leaver.close()
    assert gone(alone, "long.mp4", seconds=2)  # reading all of it takes longer
    stayer.locator("#analyse").click()
    stayer.locator("#verdict", has_text="Your video was deleted").wait_for()
    assert gone(alone)


def test_upload_of_a_visitor_who_never_analyses_goes_with_the_tab(pages, alone, clip):
    page = pages()
    with page.expect_response(lambda r: "run/predict" in r.url and clip.name in (r.request.post_data or "")):
        upload(page, clip)
    assert any(name.endswith(".mp4") for name in alone.files())
    page.close()
    assert gone(alone)


def test_visitor_who_stops_while_waiting_is_out_of_the_queue(pages, alone, clip, long_clip, face_models):
    busy, waiting = one_analyses(pages, clip, long_clip)
    waiting.evaluate(ANALYSE_AND_REMEMBER_PLACES)
    waiting.wait_for_function("window.places.includes('1/1')")
    waiting.locator("#stop").click()
    waiting.locator("#verdict", has_text="Stopped").wait_for(timeout=2_000)
    busy.locator("#verdict", has_text="Your video was deleted").wait_for()
    waiting.wait_for_timeout(500)
    assert "Stopped" in waiting.inner_text("#verdict")
    assert waiting.locator("#stop").count() == 0
    assert gone(alone)
