"""Named groups of the 468 face mesh points.

Left and right are sides of the picture, not of the subject: in an unmirrored picture, LEFT_EYE is the
subject's right eye. Each group is a closed outline, in order.

Source: topology of MediaPipe Face Mesh (Kartynnik et al. 2019, https://arxiv.org/abs/1907.06724) for the face
oval, eyes, brows and lips; FOREHEAD and the cheeks are our choice: skin that is flat, bare and rarely in
shadow.
"""

from __future__ import annotations

FACE_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
LEFT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
RIGHT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
LEFT_BROW = (46, 53, 52, 65, 55, 107, 66, 105, 63, 70)
RIGHT_BROW = (276, 283, 282, 295, 285, 336, 296, 334, 293, 300)
LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
FOREHEAD = (103, 67, 109, 10, 338, 297, 332, 333, 334, 296, 336, 9, 107, 66, 105, 104)
LEFT_CHEEK = (117, 118, 119, 100, 36, 206, 207, 187, 123)
RIGHT_CHEEK = (346, 347, 348, 329, 266, 426, 427, 411, 352)
