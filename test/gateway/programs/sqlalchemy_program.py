"""SQLAlchemy: tables from classes, sessions, transactions, relations, reflection, on psycopg2 and asyncpg."""

import asyncio
import datetime
import decimal
import sys
import uuid

from sqlalchemy import (
    ARRAY, Boolean, CheckConstraint, Column, Date, DateTime, Enum, ForeignKey, Index, Integer, Interval, MetaData,
    Numeric, String, create_engine, func, inspect, insert, select, text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session, declarative_base, relationship, selectinload

address = sys.argv[1].replace("postgres://", "postgresql://")
Base = declarative_base()


class Owner(Base):
    __tablename__ = "owner"
    id = Column(Integer, primary_key=True)
    name = Column(String(40), nullable=False, unique=True)
    mood = Column(Enum("sad", "ok", name="mood"))
    since = Column(Date)
    at = Column(DateTime(timezone=True))
    span = Column(Interval)
    balance = Column(Numeric(12, 4))
    active = Column(Boolean, server_default=text("true"))
    tags = Column(ARRAY(String))
    data = Column(postgresql.JSONB)
    key = Column(postgresql.UUID(as_uuid=True))
    pets = relationship("Pet", back_populates="owner", cascade="all, delete-orphan", order_by="Pet.id")


class Pet(Base):
    __tablename__ = "pet"
    __table_args__ = (CheckConstraint("age >= 0", name="pet_age"), Index("pet_name", "name"), {"comment": "animals"})
    id = Column(Integer, primary_key=True)
    name = Column(String, nullable=False)
    age = Column(Integer)
    owner_id = Column(ForeignKey("owner.id", ondelete="CASCADE"))
    owner = relationship("Owner", back_populates="pets")


def owner(name):
    return Owner(
        name=name, mood="ok", since=datetime.date(2020, 2, 29), balance=decimal.Decimal("1.5000"), tags=["a", 'b"'],
        at=datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc), span=datetime.timedelta(days=1, minutes=2),
        data={"k": [1, None]}, key=uuid.UUID(int=3), pets=[Pet(name="rex", age=3), Pet(name="tom", age=1)],
    )


def shown(one):
    columns = [getattr(one, column.name) for column in Owner.__table__.columns if column.name != "at"]
    return columns, one.at.timestamp(), [(pet.id, pet.name, pet.age) for pet in one.pets]


def synchronous():
    engine = create_engine(address.replace("postgresql://", "postgresql+psycopg2://"))
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([owner("ada"), owner("bob")])
        session.commit()
        print([shown(one) for one in session.scalars(select(Owner).order_by(Owner.id))])
        try:
            session.add(Owner(name="ada"))
            session.flush()
        except IntegrityError as error:
            print(type(error.orig).__name__, error.orig.pgcode, error.orig.diag.constraint_name)
            session.rollback()
        with session.begin_nested() as nested:
            session.execute(insert(Pet), [{"name": f"n{i}", "age": i} for i in range(50)])
            nested.rollback()
        print(session.scalar(select(func.count()).select_from(Pet)))
        print(session.execute(select(Owner.name, func.sum(Pet.age)).join(Pet).group_by(Owner.name).order_by(Owner.name)).all())
        session.delete(session.get(Owner, 2))
        session.commit()
        print(session.scalar(select(func.count()).select_from(Pet)))
        upsert = postgresql.insert(Owner).values(name="ada", balance=2)
        upsert = upsert.on_conflict_do_update(index_elements=["name"], set_={"balance": upsert.excluded.balance})
        print(session.execute(upsert.returning(Owner.id, Owner.balance)).all())
        session.commit()
    inspector = inspect(engine)
    for table in sorted(inspector.get_table_names()):
        print(table, [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in inspector.get_columns(table)])
        print(inspector.get_pk_constraint(table), inspector.get_foreign_keys(table), inspector.get_indexes(table))
        print(inspector.get_unique_constraints(table), inspector.get_check_constraints(table), inspector.get_table_comment(table))
    print(inspector.get_enums(), inspector.get_schema_names())
    reflected = MetaData()
    reflected.reflect(engine)
    print(sorted(reflected.tables), [c.name for c in reflected.tables["owner"].columns])
    with engine.connect().execution_options(stream_results=True) as connection:
        print(sum(row[0] for row in connection.execute(text("select g from generate_series(1, 3000) g"))))
    with engine.connect().execution_options(isolation_level="SERIALIZABLE") as connection:
        print(connection.scalar(text("show transaction_isolation")))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        print(connection.scalar(text("select count(*) from pet")))
    engine.dispose()


async def asynchronous():
    engine = create_async_engine(address.replace("postgresql://", "postgresql+asyncpg://"))
    async with AsyncSession(engine) as session:
        session.add(owner("cyd"))
        await session.commit()
        found = (await session.scalars(select(Owner).options(selectinload(Owner.pets)).order_by(Owner.name))).all()
        print([shown(one) for one in found])
        try:
            await session.execute(text("select 1/0"))
        except DBAPIError as error:
            print(type(error).__name__, error.orig.sqlstate)
        await session.rollback()
        stream = await session.stream(select(Pet.name).order_by(Pet.id))
        print([row async for row in stream])
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.drop_all)
    await engine.dispose()


synchronous()
asyncio.run(asynchronous())
