"""Uses the models, and prints what it sees; run by `manage.py shell`."""
import datetime
import decimal
import io
import uuid

from django.contrib.auth.models import Group, Permission, User
from django.contrib.postgres.aggregates import ArrayAgg, StringAgg
from django.contrib.postgres.search import SearchQuery, SearchRank, SearchVector
from django.db import DatabaseError, connection, models, transaction
from django.db.models import Avg, Case, Count, Exists, F, Max, OuterRef, Prefetch, Q, Subquery, Sum, Value, When, Window
from django.db.models.functions import Coalesce, Concat, Lower, RowNumber, TruncMonth
from psycopg2.extras import DateRange, DateTimeTZRange, NumericRange

from zoo.models import Animal, Keeper, Meal

UTC = datetime.timezone.utc


def failure(act):
    try:
        with transaction.atomic():
            return repr(act())
    except (DatabaseError, ValueError) as error:
        # The Data API gives no DETAIL.
        return f"{type(error).__name__} {str(error).splitlines()[0]} {getattr(error.__cause__, 'pgcode', None)}"


ann = Keeper.objects.create(name="Ann", email="ann@example.com")
bob = Keeper.objects.create(name="Bob", boss=ann)
values = dict(
    id=uuid.UUID(int=1), name="Zoë % 'quoted' \\ :name $1 漢字", mood="wild", keeper=ann, tame=False, weight=decimal.Decimal("12.50"), height=0.1, chip=2**62, legs=3,
    born=datetime.date(2020, 2, 29), fed=datetime.time(12, 34, 56, 789), seen=datetime.datetime(2020, 2, 29, 12, 34, 56, 789, UTC), sleeps=datetime.timedelta(days=1, seconds=5),
    photo=b"\x00\xff\\'", address="10.0.0.1", doc={"a": {"b": [1, 2.5, None, "ü"]}, "n": 1}, tags=["a", "b,\"c\"", "NULL"], grid=[[1, None], [3, 4]],
    stay=DateRange(datetime.date(2020, 1, 1), datetime.date(2020, 2, 1)), visits=DateTimeTZRange(datetime.datetime(2020, 1, 1, tzinfo=UTC), None), ages=NumericRange(1, 5),
)
Animal.objects.create(**values)
stored = Animal.objects.values(*[name for name in values]).get(pk=values["id"])
print({name: bytes(value) if isinstance(value, memoryview) else value for name, value in stored.items()})
Animal.objects.bulk_create([Animal(id=uuid.UUID(int=i), name=f"animal {i}", keeper=[ann, bob, None][i % 3], weight=i, chip=i, tags=[f"t{i % 5}"], doc={"n": i}, born=datetime.date(2020, 1 + i % 12, 1)) for i in range(100, 900)], batch_size=100)
made = Meal.objects.bulk_create([Meal(animal_id=uuid.UUID(int=100 + i), food=f"food {i % 7}", grams=i) for i in range(500)])
print(len(made), made[-1].pk - made[0].pk)
print(len(Meal.objects.bulk_create([Meal(pk=made[0].pk, animal_id=uuid.UUID(int=100), food="again", grams=1)], ignore_conflicts=True)))
# Values and ids in the text, more than a statement of the Data API holds.
long = Keeper.objects.bulk_create([Keeper(name=f"long '{i}' \\ %", email=f"{i}@example.com" if i % 3 else "", boss=[ann, None][i % 2]) for i in range(2000)])
print(len(long), Keeper.objects.filter(pk__in=[one.pk for one in long] + list(range(-20000, 0))).aggregate(Count("pk"), Count("boss"), Max("name")))
print(Keeper.objects.filter(name__in=[one.name for one in long]).delete()[0])
some = list(Animal.objects.filter(name__startswith="animal 10")[:5])
for one in some:
    one.legs = 6
print(Animal.objects.bulk_update(some, ["legs"]), Animal.objects.filter(legs=6).count())

for query in [
    Animal.objects.filter(Q(tags__contains=["a"]) | Q(tags__overlap=["t1"]), legs=F("legs") + 0),
    Animal.objects.filter(doc__a__b__0=1), Animal.objects.filter(doc__has_key="a"), Animal.objects.filter(doc__n__gt=890), Animal.objects.filter(doc__contains={"n": 5}),
    Animal.objects.filter(stay__contains=datetime.date(2020, 1, 15)), Animal.objects.filter(ages__overlap=NumericRange(4, 9)), Animal.objects.filter(visits__startswith__year=2020),
    Animal.objects.filter(name__iexact="ANIMAL 101"), Animal.objects.filter(name__regex=r"^animal 1.1$"), Animal.objects.filter(name__icontains="%"), Animal.objects.filter(born__month=3, tame=True),
    Animal.objects.filter(keeper__boss__name="Ann").exclude(meal__grams__gt=100), Animal.objects.filter(pk__in=[uuid.UUID(int=i) for i in range(100, 500)]), Animal.objects.filter(Exists(Meal.objects.filter(animal=OuterRef("pk"), grams=3))),
    Animal.objects.filter(seen__date=datetime.date(2020, 2, 29)), Animal.objects.filter(sleeps__gt=datetime.timedelta(hours=1)), Animal.objects.none() | Animal.objects.filter(address="10.0.0.1"),
]:
    print(query.count(), [one.name for one in query[:2]])

print(Animal.objects.aggregate(Count("pk"), Sum("weight"), Avg("weight"), Max("born"), tags=Count("tags", distinct=True)))
print(list(Keeper.objects.annotate(n=Count("animals"), total=Coalesce(Sum("animals__weight"), Value(0), output_field=models.DecimalField()), names=StringAgg(Lower("animals__mood"), ",", distinct=True)).order_by("name").values("name", "n", "total", "names")))
print(list(Animal.objects.annotate(month=TruncMonth("born")).values("month").annotate(n=Count("pk")).order_by("month")[:3]))
print(list(Animal.objects.annotate(row=Window(RowNumber(), partition_by=[F("keeper")], order_by=F("name").asc())).values_list("name", "row")[:3]))
print(list(Animal.objects.annotate(size=Case(When(weight__gt=500, then=Value("big")), default=Value("small")), label=Concat("name", Value(" / "), "mood")).values_list("label", "size")[:3]))
print(list(Animal.objects.annotate(last=Subquery(Meal.objects.filter(animal=OuterRef("pk")).order_by("-grams").values("food")[:1])).values_list("name", "last")[:3]))
print(list(Animal.objects.annotate(rank=SearchRank(SearchVector("name"), SearchQuery("animal"))).filter(rank__gt=0).values_list("name", "rank")[:2]))
print(list(Keeper.objects.annotate(all=ArrayAgg("animals__chip", filter=Q(animals__chip__lt=110), ordering="animals__chip")).values_list("name", "all")))
print([(one.name, one.keeper and one.keeper.name, [meal.grams for meal in one.meal_set.all()]) for one in Animal.objects.select_related("keeper").prefetch_related(Prefetch("meal_set", Meal.objects.order_by("grams")))[:4]])
print(list(Animal.objects.order_by("keeper__name", "-chip").distinct("keeper__name").values_list("keeper__name", "name")))
print(Animal.objects.filter(name="animal 101").union(Animal.objects.filter(name="animal 102"), all=True).count(), Animal.objects.dates("born", "month").count(), Animal.objects.in_bulk([uuid.UUID(int=101)]))
print(Animal.objects.filter(pk=uuid.UUID(int=1)).update(weight=F("weight") * 2, doc={"changed": True}), Animal.objects.get(pk=uuid.UUID(int=1)).weight)

# A cursor of the server: within a transaction, and WITH HOLD without one.
print(sum(one.legs for one in Animal.objects.iterator(chunk_size=150)))
with transaction.atomic():
    print(sum(1 for _ in Meal.objects.values_list("grams").iterator(chunk_size=200)))
    print([one.name for one in Animal.objects.select_for_update(skip_locked=True, of=("self",)).select_related("keeper")[:2]])
print(failure(lambda: list(Animal.objects.select_for_update(nowait=True)[:1])))

with transaction.atomic():
    Keeper.objects.create(name="outer")
    try:
        with transaction.atomic():
            Keeper.objects.create(name="inner")
            Keeper.objects.create(name="outer")
    except DatabaseError as error:
        print(type(error).__name__)
    sid = transaction.savepoint()
    Keeper.objects.create(name="gone")
    transaction.savepoint_rollback(sid)
    transaction.on_commit(lambda: print("committed"))
print(list(Keeper.objects.order_by("name").values_list("name", flat=True)))
print(Keeper.objects.get_or_create(name="Cid")[1], Keeper.objects.update_or_create(name="Cid", defaults={"email": "c@example.com"})[1])
for act in [
    lambda: Keeper.objects.create(name="Ann"), lambda: Keeper.objects.create(name=None), lambda: Keeper.objects.create(name="x" * 40), lambda: Animal.objects.filter(pk=uuid.UUID(int=1)).update(legs=200),
    lambda: Animal.objects.filter(pk=uuid.UUID(int=1)).update(keeper_id=-1), lambda: Animal.objects.filter(pk=uuid.UUID(int=1)).update(legs=2**40), lambda: list(Animal.objects.raw("select nothing")),
    lambda: Animal.objects.extra(where=["1/0 = 1"]).count(),
]:
    print(failure(act))
# A foreign key is checked at the end of the transaction.
try:
    with transaction.atomic():
        Meal.objects.create(animal_id=uuid.UUID(int=9), food="none", grams=1)
        print("not yet checked")
except DatabaseError as error:
    print(type(error).__name__, str(error).splitlines()[0])
with connection.cursor() as cursor:
    cursor.execute("select %s, %s::int[], '100%%'", ["text", [1, 2]])
    print(cursor.fetchall(), [column.name for column in cursor.description])
    cursor.callproc("lower", ["ABC"])
    print(cursor.fetchone())
    cursor.executemany("insert into zoo_keeper(name) values (%s)", [[f"many {i}"] for i in range(5)])
    print(cursor.rowcount, connection.pg_version // 1000, connection.introspection.table_names(cursor))
    print(connection.introspection.get_constraints(cursor, "zoo_animal").keys() >= {"animal_legs", "animal_keeper"}, connection.introspection.get_sequences(cursor, "zoo_keeper"))
    copied = io.StringIO()
    cursor.copy_expert("copy (select name from zoo_keeper order by name) to stdout", copied)
    print(copied.getvalue())
print(Animal.objects.filter(name="animal 101").explain().split("(")[0])
print(Animal.objects.filter(keeper=bob).delete()[0], Keeper.objects.filter(name="Bob").delete())

user = User.objects.create_superuser("admin", "admin@example.com", "a password")
user.groups.add(Group.objects.create(name="keepers"))
user.groups.get().permissions.set(Permission.objects.filter(content_type__app_label="zoo"))
print(User.objects.get(username="admin").check_password("a password"), sorted(user.get_group_permissions())[:3])

from django.test import Client

client = Client()
print(client.login(username="admin", password="a password"))
for path in ["/admin/", "/admin/zoo/animal/?q=animal+10", "/admin/zoo/keeper/add/", f"/admin/zoo/animal/{uuid.UUID(int=1)}/change/"]:
    response = client.get(path, HTTP_HOST="localhost")
    print(path.split("?")[0], response.status_code, len(response.content) > 1000)
response = client.post("/admin/zoo/keeper/add/", {"name": "from admin", "email": ""}, HTTP_HOST="localhost")
print(response.status_code, Keeper.objects.filter(name="from admin").exists(), list(__import__("django.contrib.admin.models").contrib.admin.models.LogEntry.objects.values_list("object_repr", "action_flag")))
