"""Flask-Admin's list page over the benchmark firm: ``DATABASE ROUNDS``."""

from __future__ import annotations

import sys
from typing import Any

from calling import tell
from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import BigInteger, Column, Date, ForeignKey, Integer, String
from sqlalchemy.orm import relationship

FILE, ROUNDS = sys.argv[1], int(sys.argv[2])
LIST = "/admin/order/?flt0_status_equals=approved&flt1_partner_id_equals=7&sort=1&desc=1"

app = Flask(__name__)
app.config.update(SECRET_KEY="bench" * 8, SQLALCHEMY_DATABASE_URI=f"sqlite:///{FILE}")
db: Any = SQLAlchemy(app)


class Partner(db.Model):  # type: ignore[misc]
    """Whom one buys from."""

    __tablename__ = "partner"
    id = Column(Integer, primary_key=True)
    name = Column(String)

    def __str__(self) -> str:
        return str(self.name)


class Warehouse(db.Model):  # type: ignore[misc]
    """Where it is put."""

    __tablename__ = "warehouse"
    id = Column(Integer, primary_key=True)
    name = Column(String)

    def __str__(self) -> str:
        return str(self.name)


class Order(db.Model):  # type: ignore[misc]
    """The same ten columns as ours."""

    __tablename__ = "purchase_order"
    id = Column(Integer, primary_key=True)
    code, status, execution_status = Column(String), Column(String), Column(String)
    date, expected_date = Column(Date), Column(Date)
    partner_id = Column("partner", ForeignKey("partner.id"))
    warehouse_id = Column("warehouse", ForeignKey("warehouse.id"))
    amount, total, owner = Column(BigInteger), Column(BigInteger), Column(BigInteger)
    partner = relationship(Partner, lazy="joined")
    warehouse = relationship(Warehouse, lazy="joined")


class Orders(ModelView):  # type: ignore[misc]
    """The list as its documentation has it."""

    page_size = 50
    named_filter_urls = True
    column_list = ("code", "date", "partner", "warehouse", "expected_date", "amount", "total", "status",
                   "execution_status", "owner")  # fmt: skip
    column_sortable_list = ("code", "date")
    column_filters = ("status", "partner_id")


Admin(app).add_view(Orders(Order, db))
tell(app, {"list page, HTML": LIST}, ROUNDS)
