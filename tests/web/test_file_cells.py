"""Files in lists and on paper: one statement a page, addresses that hold wherever the app is mounted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import insert

from engine.compiler import load_text
from runtime.context import SYSTEM, RunContext, User
from tests.bench.measure import statements
from tests.scenarios.works import Works
from web.file_cells import files_cell, linked, names_in, on_paper
from web.formulas import _formulas, described
from web.list_cells import Kit

APP = """
app: x
entities:
  thing: {kind: master, fields: {paper: {type: file, many: true}, face: {type: photo}}}
"""
FIELDS = load_text(APP, "x.yaml").entities["thing"].fields


@pytest.fixture
def kept(office: Works) -> list[int]:
    """Three files."""
    tables = office.app.tables.system
    with office.acting() as ctx:
        made = []
        for n, kind in enumerate(("application/pdf", "image/png", "image/png"), 1):
            row = {"name": f"f{n}<", "media_type": kind, "size": 3, "account": 1, "created_at": ctx.now()}
            made.append(
                ctx.connection.execute(insert(tables.file).values(row).returning(tables.file.c.id)).scalar_one()
            )
            ctx.connection.execute(insert(tables.file_content).values(file=made[-1], content=b"abc"))
    return made


def test_the_files_of_a_page_are_named_by_one_statement(office: Works, kept: list[int]) -> None:
    rows = [(1, (kept[0], kept[1]), kept[2]), (2, (kept[2],), None), (3, (), None)]
    columns = [FIELDS["paper"], FIELDS["face"]]
    with office.acting() as ctx, office.flask.test_request_context():
        with statements(office.app.database.engine) as told:
            kit = Kit(ctx, ctx.today(), lean=True, files=names_in(ctx, columns, rows))
            cells = [files_cell(FIELDS["paper"], 1, "<td>", "<td>–")(row, kit) for row in rows]
        assert len(told) == 1
        assert cells == [
            f'<td><a href="/files/{kept[0]}">f1&lt;</a> <a href="/files/{kept[1]}">f2&lt;</a>',
            f'<td><a href="/files/{kept[2]}">f3&lt;</a>',
            "<td>–",
        ]


def test_a_file_opens_wherever_the_app_is_mounted(office: Works, kept: list[int]) -> None:
    with office.acting() as ctx, office.flask.test_request_context(base_url="http://localhost/firm"):
        shown = linked(ctx, FIELDS["face"], kept[1])
        assert shown.startswith(f'<a href="/firm/files/{kept[1]}"><img src="/firm/files/{kept[1]}"')
        assert linked(ctx, FIELDS["paper"], (kept[0],), {kept[0]: "a"}) == f'<a href="/firm/files/{kept[0]}">a</a>'


def test_on_paper_only_what_is_shown_is_read(office: Works, kept: list[int]) -> None:
    with office.acting() as ctx, statements(office.app.database.engine) as told:
        assert on_paper(ctx, FIELDS["paper"], tuple(kept)) == ([], "f1<、f2<、f3<")
        assert [sql for sql in told if "dg_file_content" in sql] == []
        assert on_paper(ctx, FIELDS["face"], kept[1]) == (["data:image/png;base64,YWJj"], "")
        assert len([sql for sql in told if "dg_file_content" in sql]) == 1


def test_what_a_form_computes_for_the_system_is_not_what_it_computes_for_a_role(office: Works) -> None:
    viewer = User(account=9, name="v", roles=frozenset({"keeper"}))
    with office.app.database.read() as connection:
        seen = RunContext(app=office.app, connection=connection, user=viewer, clock=office.clock)
        whole = replace(seen, user=replace(SYSTEM, roles=viewer.roles))
        differ = 0
        for entity in office.app.model.entities.values():
            of_role, of_system = described(seen, entity), described(whole, entity)
            assert of_system == [formula for formula, _ in _formulas(whole, entity)]
            differ += of_role != of_system
    assert differ > 0
