from leukcnn.rendering.tables import Column, Table

MARK = "NOT COMPARABLE WITH THE PAPER: smoke profile, synthetic data"
NASTY = "a|b & 50 % of x_1\nis #2 [red]$5$ {~^\\} <b>*c*`d`"


def table(**changes) -> Table:
    values = {
        "id": "table2",
        "title": "Test set, 339 + 339 cells",
        "columns": (
            "Network",
            Column("Cells", "integer"),
            Column("Accuracy", "percent"),
            Column("95 % interval", "interval"),
            Column("Difference", "points"),
            Column("Rate", "number"),
        ),
        "rows": [
            ("VGG16", 678, 627 / 678, (0.9, 0.94), -0.0123456, 1e-5),
            ("VGG19", None, float("nan"), None, 0.02, 0.5),
        ],
        "notes": ("Wilson intervals over 678 images.",),
        "marks": (MARK,),
    } | changes
    return Table(**values)
