#!/bin/sh
# A Django project from its start: startproject, migrations, the ORM, the admin's pages, fixtures and `manage.py test`.
#
#   sh project.sh URL
set -e
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export PYTHONDONTWRITEBYTECODE=1
python=/usr/bin/python3
$python -m django startproject site1 .
$python manage.py startapp zoo
cp "$here/models.py" zoo/models.py
cp "$here/tests.py" zoo/tests.py
cat > zoo/admin.py <<'END'
from django.contrib import admin
from zoo.models import Animal, Keeper
admin.site.register(Keeper)
admin.site.register(Animal, list_display=["name", "keeper"], search_fields=["name"], list_filter=["mood"], date_hierarchy="born", exclude=["photo", "stay", "visits", "ages", "grid"])
END
cat >> site1/settings.py <<END
from urllib.parse import urlparse
url = urlparse("$1")
INSTALLED_APPS += ["django.contrib.postgres", "zoo"]
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "HOST": url.hostname, "PORT": url.port, "USER": url.username, "PASSWORD": url.password or "", "NAME": url.path[1:]}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
END
manage() { $python -W ignore manage.py "$@"; }
manage makemigrations zoo
manage migrate
sed -i 's/food = models.CharField(max_length=20)/food = models.TextField(db_index=True)\n    eaten = models.BooleanField(default=False)/' zoo/models.py
manage makemigrations zoo --name more
manage makemigrations zoo --empty --name data
sed -i 's/operations = \[/operations = [migrations.RunSQL("create view zoo_view as select name from zoo_keeper; comment on view zoo_view is %s" % "'"'"'names'"'"'", "drop view zoo_view"), migrations.RunPython(lambda apps, editor: print(apps.get_model("zoo", "Keeper").objects.count()), migrations.RunPython.noop),/' zoo/migrations/0003_data.py
cat > zoo/migrations/0004_concurrent.py <<'END'
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("zoo", "0003_data")]
    operations = [AddIndexConcurrently("meal", models.Index(fields=["grams"], name="meal_grams"))]
END
sed -i 's/    grams = models.IntegerField()/    grams = models.IntegerField()\n\n    class Meta:\n        indexes = [models.Index(fields=["grams"], name="meal_grams")]/' zoo/models.py
manage migrate
manage migrate zoo 0001
manage migrate
manage makemigrations --check
manage inspectdb --include-views zoo_keeper zoo_animal zoo_meal zoo_view
manage shell < "$here/use.py"
manage dumpdata zoo -o all.json 2>/dev/null
manage flush --no-input
manage loaddata all.json
manage dumpdata zoo --format jsonl | grep -c animal
manage test --no-input -v 1 2>&1 | sed -E "s/in [0-9.]+s/in a while/"
manage test --no-input --keepdb -v 1 2>&1 | sed -E "s/in [0-9.]+s/in a while/"
name=$(basename "$1")
psql -X "$1" -c "drop database \"test_$name\""
