"""Draws the sheet of faces that the README shows: seven classes a row, blends and wrong labels marked.

python examples/pictures/draw_demo_faces.py
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

from labelaudit.faces import LabelTruth, draw_dataset

SIDE, CAPTION, COLUMNS, ROWS = 96, 18, 9, 3
MARKS = {LabelTruth.MISLABELLED: "#D55E00", LabelTruth.AMBIGUOUS: "#E69F00"}


def main() -> None:
    """Writes demo_faces.png beside this file."""
    drawn = draw_dataset(COLUMNS * ROWS, seed=7, size=SIDE, wrong_share=0.12, ambiguous_share=0.12)
    sheet = Image.new("RGB", (COLUMNS * (SIDE + 4), ROWS * (SIDE + CAPTION + 4)), "white")
    pen = ImageDraw.Draw(sheet)
    for row in range(len(drawn)):
        left, top = (row % COLUMNS) * (SIDE + 4) + 2, (row // COLUMNS) * (SIDE + CAPTION + 4) + 2
        sheet.paste(Image.fromarray(drawn.images[row]), (left, top))
        colour = MARKS.get(drawn.kind[row])
        if colour:
            pen.rectangle((left - 2, top - 2, left + SIDE + 1, top + SIDE + 1), outline=colour, width=3)
        pen.text((left + SIDE // 2, top + SIDE + 3), drawn.given[row], fill="#333333", anchor="ma", font_size=12)
    sheet.save(Path(__file__).with_name("demo_faces.png"), optimize=True)


if __name__ == "__main__":
    main()
