"""What `manage.py test` runs, in a database that it creates and drops."""
from django.db import IntegrityError, connection, transaction
from django.test import TestCase, TransactionTestCase

from zoo.models import Animal, Keeper


class RolledBack(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.keeper = Keeper.objects.create(name="Ann")

    def test_one(self):
        Animal.objects.create(name="one", keeper=self.keeper)
        with self.assertRaises(IntegrityError), transaction.atomic():
            Keeper.objects.create(name="Ann")
        self.assertEqual(Animal.objects.count(), 1)

    def test_other(self):
        self.assertEqual(Animal.objects.count(), 0)
        with self.assertNumQueries(1):
            self.assertEqual(Keeper.objects.get(name="Ann").pk, self.keeper.pk)
        with self.captureOnCommitCallbacks(execute=True) as callbacks:
            transaction.on_commit(lambda: None)
        self.assertEqual(len(callbacks), 1)


class Committed(TransactionTestCase):
    reset_sequences = True

    def test_sequences(self):
        self.assertEqual(Keeper.objects.create(name="first").pk, 1)
        self.assertTrue(connection.settings_dict["NAME"].startswith("test_"))

    def test_flushed(self):
        self.assertEqual(Keeper.objects.count(), 0)
        self.assertEqual(Keeper.objects.create(name="first again").pk, 1)
