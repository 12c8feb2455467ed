import numpy as np
import pytest

from rppg_core.video.pose import KEY_INTERVALS_S, FacePath, ReferenceFace


def face(rng, centre=(200.0, 150.0), width=100.0, roll=0.0):
    """A cloud of 468 points that fills an oval, turned, scaled and moved."""
    angle = rng.uniform(0, 2 * np.pi, 468)
    radius = np.sqrt(rng.uniform(0, 1, 468))
    x, y = 0.5 * radius * np.cos(angle), 0.65 * radius * np.sin(angle)
    from rppg_core.video.mesh_points import FACE_OVAL, LEFT_EYE, RIGHT_EYE

    for k, index in enumerate(FACE_OVAL):
        turn = 2 * np.pi * k / len(FACE_OVAL)
        x[index], y[index] = 0.5 * np.cos(turn), 0.65 * np.sin(turn)
    for side, points in ((-0.2, LEFT_EYE), (0.2, RIGHT_EYE)):
        x[list(points)], y[list(points)] = side, -0.1
    z = (x + 1j * y) * width * np.exp(1j * roll) + complex(*centre)
    return np.stack([z.real, z.imag], axis=1)


def test_pose_recovers_move_turn_and_scale():
    first = face(np.random.default_rng(0))
    later = face(np.random.default_rng(0), centre=(230, 140), width=120, roll=0.2)
    pose = ReferenceFace(first).pose(1.0, later)
    assert abs(pose.turn) == pytest.approx(120, rel=1e-6)
    assert np.angle(pose.turn) == pytest.approx(0.2, abs=1e-6)
    assert pose.shift == pytest.approx(230 + 140j, abs=1e-6)


def test_reference_face_is_level_even_when_first_seen_tilted():
    tilted = ReferenceFace(face(np.random.default_rng(0), roll=0.4))
    level = ReferenceFace(face(np.random.default_rng(0)))
    np.testing.assert_allclose(tilted.points, level.points, atol=1e-9)
    assert tilted.aspect == pytest.approx(1.3, abs=0.01)


def test_landmark_jitter_is_averaged():
    rng = np.random.default_rng(1)
    still, path = face(rng), FacePath()
    for k in range(20):
        path.add(0.2 * k, still + rng.normal(0, 1, still.shape))
    seen = [path.at(0.2 * k + 0.1) for k in range(5, 14)]
    assert np.std([p.shift.real for p in seen]) < 0.05  # 1 px on each of 468 points


def test_path_is_interpolated_between_looks_and_lost_between_misses():
    still, path = face(np.random.default_rng(0)), FacePath()
    for k in range(30):
        path.add(0.1 * k, None if 12 <= k < 16 else still + np.array([k, 0.0]))
    assert path.at(0.55).shift.real == pytest.approx(200 + 5.5, abs=1e-3)
    assert path.at(1.35) is None
    assert path.at(2.25).shift.real == pytest.approx(200 + 22.5, abs=1e-3)


def test_looks_come_sooner_while_the_face_moves():
    still, path = face(np.random.default_rng(0)), FacePath()
    path.add(0.0, still)
    path.add(0.2, still)
    assert path.next_look_s == pytest.approx(0.2 + KEY_INTERVALS_S[1])
    path.add(0.4, still + np.array([10.0, 0.0]))  # a tenth of a face in 0.2 s
    assert path.next_look_s == pytest.approx(0.4 + KEY_INTERVALS_S[0])
