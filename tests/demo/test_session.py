"""Uploads go when they are read, traces after ten minutes or on request, and nobody's file goes with another's."""

from datetime import UTC, datetime
from time import sleep

import pytest

from demo.session import GoneError, Origin, StoppedError, Visits
from tests.report_factory import make_report, make_truth


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "uploads"


@pytest.fixture
def visits(folder):
    return Visits(folder)


@pytest.fixture
def upload(folder):
    """As Gradio stores it: a folder named by the content."""
    path = folder / "3f2a" / "me.mp4"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"bytes of a video")
    return path


def kept(visits, upload, session="a"):
    """A visitor whose clip was analysed."""
    report = make_report()
    visits.begin(session)
    with visits.reading(session, upload):
        pass
    origin = visits.origin_from_upload(upload)
    visits.keep(session, report, origin)
    return report, origin


def test_upload_and_its_folder_are_gone_once_it_is_read(visits, upload, folder):
    with visits.reading("a", upload):
        assert upload.exists()
    assert list(folder.iterdir()) == []


def test_upload_is_deleted_after_an_error_too(visits, upload):
    with pytest.raises(ValueError, match="broken"), visits.reading("a", upload):
        raise ValueError("broken")
    assert not upload.exists()


def test_upload_is_deleted_when_the_player_is_emptied_or_holds_another_file(visits, upload):
    visits.received("a", upload)
    other = upload.with_name("other.mp4")
    other.write_bytes(b"other")
    visits.received("a", other)
    assert not upload.exists()
    visits.received("a", None)
    assert not other.parent.exists()


def test_upload_is_deleted_when_the_tab_is_closed_and_closing_twice_is_no_error(visits, upload):
    visits.received("a", upload)
    visits.left("a")
    assert not upload.exists()
    visits.left("a")


def test_upload_that_arrives_after_its_tab_was_closed_is_deleted(visits, upload):
    visits.left("a")
    visits.received("a", upload)
    assert not upload.exists()


def test_analysis_that_is_asked_for_after_its_tab_was_closed_is_stopped(visits):
    visits.left("a")
    visits.begin("a")
    with pytest.raises(StoppedError):
        visits.check("a")()


def test_tab_that_comes_back_later_can_upload_again(visits, upload, monkeypatch):
    monkeypatch.setattr("demo.session.LATE_S", 0.0)
    visits.left("a")
    visits.received("a", upload)
    assert upload.exists()


def test_file_that_is_being_read_goes_when_the_reading_ends_not_under_it(visits, upload):
    with visits.reading("a", upload):
        assert visits.stop("a") == ["the video me.mp4"]
        assert upload.exists()
    assert not upload.exists()


def test_equal_file_of_another_visitor_stays_until_both_have_read_it(visits, upload):
    visits.received("a", upload)
    visits.received("b", upload)
    with visits.reading("a", upload):
        pass
    assert upload.exists()
    with visits.reading("b", upload):
        pass
    assert not upload.exists()


def test_file_that_was_uploaded_once_more_while_the_first_was_read_stays(visits, upload):
    with visits.reading("a", upload):
        again = upload.with_name("part")
        again.write_bytes(b"bytes of a video")
        again.rename(upload)
    assert upload.exists()


def test_folder_outside_the_uploads_is_never_removed(visits, tmp_path):
    path = tmp_path / "mine" / "clip.mp4"
    path.parent.mkdir()
    path.write_bytes(b"mine")
    with visits.reading("a", path):
        pass
    assert path.parent.exists()


def test_check_raises_after_stop_after_delete_and_after_leaving(visits):
    for end in (visits.stop, visits.delete, visits.left):
        visits.begin("a")
        check = visits.check("a")
        check()
        end("a")
        with pytest.raises(StoppedError):
            check()


def test_stop_between_the_click_and_its_analysis_holds_until_the_next_click(visits):
    visits.begin("a")
    visits.stop("a")
    with pytest.raises(StoppedError):
        visits.check("a")()
    visits.begin("a")
    visits.check("a")()


def test_traces_stay_for_more_methods_and_for_nobody_else(visits, upload):
    report, origin = kept(visits, upload)
    assert visits.own("a") == (report.clip, origin)
    assert visits.own("b") is None
    assert visits.shown("b") is None


def test_ten_minutes_run_from_the_deletion_of_the_upload(visits, upload):
    _, origin = kept(visits, upload)
    assert (origin.until - origin.deleted_at).total_seconds() == 600
    more = make_report({"pos": 70.0})
    visits.keep("a", more, origin)
    assert visits.shown("a").report is more
    assert visits.shown("a").origin.until == origin.until


def test_traces_are_gone_after_their_time(folder, upload):
    visits = Visits(folder, kept_s=0.1)
    kept(visits, upload)
    sleep(0.3)
    assert visits.own("a") is None
    with pytest.raises(GoneError, match="as promised"):
        visits.shown("a")


def test_delete_says_what_was_deleted(visits, upload):
    kept(visits, upload)
    again = upload
    again.parent.mkdir(exist_ok=True)
    again.write_bytes(b"another")
    visits.received("a", again)
    assert visits.delete("a") == [
        "the video me.mp4",
        "the colour traces of 600 frames",
        "one picture of your face",
        "the results of 3 methods",
    ]
    assert not again.exists()
    with pytest.raises(GoneError, match="you deleted it"):
        visits.shown("a")
    assert visits.delete("a") == []


def test_example_is_nobodys_and_never_deleted(visits):
    visits.begin("a")
    visits.keep("a", make_report(), Origin(make_truth()))
    assert visits.own("a") is None
    assert visits.delete("a") == []
    assert visits.shown("a") is None


def test_result_that_arrives_after_the_tab_was_closed_is_not_kept(visits, upload):
    origin = Origin(None, upload, datetime.now(UTC), datetime.now(UTC))
    visits.begin("a")
    visits.left("a")
    visits.keep("a", make_report(), origin)
    assert visits.shown("a") is None
