#!/bin/sh
# An Alembic project: autogenerate, upgrade, downgrade, SQL without a connection, and a migration that fails.
#
#   sh alembic.sh URL
set -e
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export PYTHONDONTWRITEBYTECODE=1
python=/usr/bin/python3
# Revisions and times are other ones each time.
alembic() { echo "\$ alembic $*"; $python -W ignore -m alembic "$@" 2>&1 | sed -E "s#$folder#.#g; s/[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.]+/TIME/g; /^DETAIL:/d; /^  File/,/^    /d; s/psycopg2.errors/errors/"; }
alembic init -t generic steps > /dev/null
url=$(echo "$1" | sed 's/^postgres:/postgresql:/')
sed -i "s#^sqlalchemy.url = .*#sqlalchemy.url = $url#" alembic.ini
sed -i 's/^target_metadata = None/import sys; sys.path.insert(0, "."); from models import Base; target_metadata = Base.metadata/; s/target_metadata=target_metadata/target_metadata=target_metadata, compare_type=True, compare_server_default=True, include_schemas=False/' steps/env.py
cat > models.py <<'END'
import enum
from sqlalchemy import *
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import declarative_base
Base = declarative_base()
class Mood(enum.Enum):
    calm = 1
    wild = 2
class Keeper(Base):
    __tablename__ = "keeper"
    id = Column(BigInteger, Identity(always=True), primary_key=True)
    name = Column(String(30), nullable=False, unique=True, comment="the name")
class Animal(Base):
    __tablename__ = "animal"
    __table_args__ = (Index("animal_tags", "tags", postgresql_using="gin"), Index("animal_lower", text("lower(name)"), unique=True), CheckConstraint("legs > 0", name="animal_legs"), {"comment": "animals"})
    id = Column(pg.UUID, primary_key=True, server_default=text("gen_random_uuid()"))
    name = Column(Text, nullable=False)
    keeper_id = Column(ForeignKey("keeper.id", ondelete="CASCADE", name="animal_keeper"), index=True)
    mood = Column(Enum(Mood, name="mood"), server_default="calm")
    legs = Column(SmallInteger, server_default="4")
    weight = Column(Numeric(8, 2))
    tags = Column(pg.ARRAY(String(20)), server_default="{}")
    doc = Column(pg.JSONB)
    stay = Column(pg.DATERANGE)
    address = Column(pg.INET)
    added = Column(DateTime(timezone=True), server_default=func.now())
    double = Column(Numeric, Computed("legs * 2"))
END
alembic revision --autogenerate --rev-id aaa1 -m "first"
grep -v 'Create Date' steps/versions/aaa1_first.py
alembic upgrade head
alembic current
sed -i 's/String(30), nullable=False/String(60), nullable=True/; s/weight = Column(Numeric(8, 2))/weight = Column(Numeric(10, 3), nullable=False, server_default="1")\n    seen = Column(Date, index=True)/' models.py

alembic revision --autogenerate --rev-id aaa2 -m "second"
grep -v 'Create Date' steps/versions/aaa2_second.py
alembic upgrade head
alembic revision --autogenerate --rev-id aaa3 -m "nothing"
sed -n '/^def upgrade/,$p' steps/versions/aaa3_nothing.py
cat > steps/versions/aaa3_nothing.py <<'END'
import sqlalchemy as sa
from alembic import op
revision = "aaa3"
down_revision = "aaa2"
def upgrade():
    keeper = sa.table("keeper", sa.column("name", sa.String))
    op.bulk_insert(keeper, [{"name": f"keeper {i}"} for i in range(50)])
    op.execute("insert into animal(name, keeper_id, tags) select 'animal ' || id, id, array['a:b', 'c%d'] from keeper")
    with op.get_context().autocommit_block():
        op.create_index("animal_added", "animal", ["added"], postgresql_concurrently=True)
    op.execute("alter type mood add value 'asleep'")
    print(op.get_bind().execute(sa.text("select count(*), min(name) from animal where keeper_id > :from"), {"from": 10}).fetchall())
def downgrade():
    op.drop_index("animal_added", table_name="animal")
    op.execute("delete from keeper")
END
cat > steps/versions/aaa4_fails.py <<'END'
import sqlalchemy as sa
from alembic import op
revision = "aaa4"
down_revision = "aaa3"
def upgrade():
    op.create_table("never", sa.Column("id", sa.Integer))
    op.execute("insert into keeper(name) values ('keeper 1')")
def downgrade():
    pass
END
alembic upgrade head | grep -v Traceback || true
alembic current
alembic upgrade aaa4 --sql | tail -n 40
alembic downgrade aaa3:base --sql
alembic history
alembic downgrade -1
alembic downgrade base
alembic stamp aaa1
alembic current
psql -X -A -t "$1" -c "select relname, relkind from pg_class where relnamespace = 'public'::regnamespace order by 1" -c "drop type mood"
