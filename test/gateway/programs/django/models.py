"""The models of the application `zoo`."""
import uuid

from django.contrib.postgres.fields import ArrayField, DateRangeField, DateTimeRangeField, IntegerRangeField
from django.contrib.postgres.indexes import GinIndex
from django.db import models


class Keeper(models.Model):
    name = models.CharField(max_length=30, unique=True)
    email = models.EmailField(null=True)
    boss = models.ForeignKey("self", null=True, on_delete=models.SET_NULL)

    def __str__(self):
        return self.name


class Animal(models.Model):
    class Mood(models.TextChoices):
        CALM = "calm"
        WILD = "wild"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=40, db_index=True)
    mood = models.CharField(max_length=10, choices=Mood.choices, default=Mood.CALM)
    keeper = models.ForeignKey(Keeper, null=True, on_delete=models.CASCADE, related_name="animals")
    friends = models.ManyToManyField("self")
    tame = models.BooleanField(default=True)
    weight = models.DecimalField(max_digits=8, decimal_places=2, null=True)
    height = models.FloatField(null=True)
    chip = models.BigIntegerField(null=True, unique=True)
    legs = models.PositiveSmallIntegerField(default=4)
    born = models.DateField(null=True)
    fed = models.TimeField(null=True)
    seen = models.DateTimeField(null=True)
    sleeps = models.DurationField(null=True)
    photo = models.BinaryField(null=True)
    address = models.GenericIPAddressField(null=True)
    doc = models.JSONField(default=dict)
    tags = ArrayField(models.CharField(max_length=20), default=list)
    grid = ArrayField(ArrayField(models.IntegerField(null=True)), null=True)
    stay = DateRangeField(null=True)
    visits = DateTimeRangeField(null=True)
    ages = IntegerRangeField(null=True)
    slug = models.SlugField(default="none")
    added = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        indexes = [GinIndex(fields=["tags"], name="animal_tags"), models.Index(fields=["-born"], name="animal_born", condition=models.Q(tame=True))]
        constraints = [models.CheckConstraint(check=models.Q(legs__lte=100), name="animal_legs"), models.UniqueConstraint(fields=["name", "keeper"], name="animal_keeper")]


class Meal(models.Model):
    animal = models.ForeignKey(Animal, on_delete=models.CASCADE)
    food = models.CharField(max_length=20)
    grams = models.IntegerField()
