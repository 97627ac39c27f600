# Rails' ActiveRecord: migrations, models and transactions, as an application has them.
#
#   ruby active_record.rb URL
require "active_support/all"
require "active_record"
require "active_record/schema_dumper"
require "bigdecimal"
require "stringio"
require "tmpdir"

url = ARGV[0]
Time.zone_default = ActiveSupport::TimeZone["UTC"]
ActiveRecord.default_timezone = :utc if ActiveRecord.respond_to?(:default_timezone=)
$stdout.sync = true

def failure
  yield.inspect
rescue ActiveRecord::ActiveRecordError, ArgumentError, RangeError => error
  # The Data API gives no DETAIL.
  "#{error.class} #{error.message.lines.first.strip} #{error.cause.class}"
end

module Steps
  class CreateShops < ActiveRecord::Migration[6.1]
    def change
      create_table :shops, comment: "where pets are sold" do |t|
        t.string :name, limit: 40, null: false, index: { unique: true }
        t.integer :kind, default: 0, null: false
        t.decimal :turnover, precision: 12, scale: 2, default: "0.0"
        t.timestamps precision: 6
      end
    end
  end

  class CreatePets < ActiveRecord::Migration[6.1]
    def change
      enable_extension "plpgsql"
      create_table :pets, id: :uuid, default: -> { "gen_random_uuid()" } do |t|
        t.references :shop, foreign_key: { on_delete: :cascade }
        t.text :note
        t.date :born
        t.time :feeding
        t.datetime :seen, precision: 3
        t.column :stamp, :timestamptz
        t.float :weight
        t.bigint :chip
        t.boolean :tame, default: true
        t.binary :photo
        t.json :raw
        t.jsonb :doc, default: {}
        t.string :tags, array: true, default: []
        t.integer :grid, array: true
        t.int4range :ages
        t.daterange :stay
        t.tstzrange :visits
        t.numrange :prices
        t.inet :ip
        t.cidr :net
        t.macaddr :mac
        t.bit :flags, limit: 8
        t.bit_varying :more
        t.point :place
        t.interval :span
        t.money :fee
        t.xml :page
        t.tsvector :words
        t.integer :lock_version, default: 0
        t.timestamps
      end
      add_index :pets, "lower(note)", name: "pets_note"
      add_index :pets, :born, where: "tame", order: { born: :desc }
      add_index :pets, :tags, using: :gin
      add_check_constraint :pets, "weight > 0", name: "pets_weigh"
    end
  end

  class CreateOwners < ActiveRecord::Migration[6.1]
    def up
      execute "create type mood as enum ('calm', 'wild')"
      create_table(:owners) { |t| t.string :name }
      execute "alter table owners add mood mood default 'calm'"
      create_join_table(:owners, :shops) { |t| t.index [:owner_id, :shop_id], unique: true }
    end

    def down
      drop_join_table :owners, :shops
      drop_table :owners
      execute "drop type mood"
    end
  end

  class ChangePets < ActiveRecord::Migration[6.1]
    disable_ddl_transaction!
    def change
      add_index :pets, :chip, algorithm: :concurrently
      add_column :pets, :color, :string, limit: 10
      rename_column :pets, :color, :colour
      change_column_default :pets, :colour, from: nil, to: "black"
      change_column_null :pets, :chip, true
    end
  end

  class Fails < ActiveRecord::Migration[6.1]
    def change
      create_table(:never) { |t| t.string :name }
      execute "select 1/0"
    end
  end
end

class Shop < ActiveRecord::Base
  has_many :pets, dependent: :destroy
  has_and_belongs_to_many :owners
  enum kind: { small: 0, large: 1 }
  validates :name, presence: true, uniqueness: true
  accepts_nested_attributes_for :pets
end

class Pet < ActiveRecord::Base
  belongs_to :shop, optional: true, touch: true
  attribute :span, :interval
  scope :tame, -> { where(tame: true) }
end

class Owner < ActiveRecord::Base
  has_and_belongs_to_many :shops
end

def migrated
  previous = ActiveRecord::Migration.verbose
  ActiveRecord::Migration.verbose = false
  steps = [Steps::CreateShops, Steps::CreatePets, Steps::CreateOwners, Steps::ChangePets].each_with_index.map { |step, index| step.new(step.name, 20200101000000 + index) }
  run = lambda do |direction, migrations, target = nil|
    ActiveRecord::Migrator.new(direction, migrations, ActiveRecord::SchemaMigration, target).migrate
  end
  run.(:up, steps)
  puts ActiveRecord::SchemaMigration.order(:version).pluck(:version).inspect, ActiveRecord::InternalMetadata.pluck(:key, :value).inspect
  run.(:down, steps, 20200101000001)
  puts ActiveRecord::Base.connection.tables.sort.inspect
  run.(:up, steps)
  failing = steps + [Steps::Fails.new("Fails", 20200101000009)]
  begin
    run.(:up, failing)
  rescue StandardError => error
    puts error.message.lines.first(3).inspect
  end
  puts ActiveRecord::Base.connection.table_exists?(:never).inspect
  # Another migrator holds the lock.
  lock = 2_053_462_845 * Zlib.crc32(ActiveRecord::Base.connection.current_database)
  puts ActiveRecord::Base.connection.get_advisory_lock(lock).inspect
  other = Class.new(ActiveRecord::Base) { self.abstract_class = true; def self.name = "Other" }
  other.establish_connection(ARGV[0])
  puts other.connection.get_advisory_lock(lock).inspect
  puts ActiveRecord::Base.connection.release_advisory_lock(lock).inspect, ActiveRecord::Base.connection.release_advisory_lock(lock).inspect
  puts other.connection.get_advisory_lock(lock).inspect, other.connection.release_advisory_lock(lock).inspect
  other.remove_connection
  ActiveRecord::Migration.verbose = previous
end

def dumped
  out = StringIO.new
  ActiveRecord::SchemaDumper.dump(ActiveRecord::Base.connection, out)
  puts out.string
  connection = ActiveRecord::Base.connection
  %w[shops pets owners].each do |table|
    puts connection.columns(table).map { |c| [c.name, c.sql_type, c.type, c.default, c.default_function, c.null, c.comment] }.inspect
    puts connection.indexes(table).map { |i| [i.name, i.columns, i.unique, i.where, i.using, i.orders] }.inspect
    puts connection.foreign_keys(table).map { |k| [k.from_table, k.to_table, k.options] }.inspect, connection.primary_keys(table).inspect
  end
  puts connection.check_constraints("pets").map { |c| [c.name, c.expression] }.inspect, connection.table_comment("shops"), connection.extensions.inspect
  puts connection.views.inspect, connection.schema_names.inspect, connection.encoding, connection.collation, connection.schema_search_path
end

def stored
  shop = Shop.create!(name: "Zoo", kind: :large, turnover: "1234.56")
  pet = shop.pets.create!(
    note: "ünï 'quoted' \\ :name ?", born: Date.new(2020, 2, 29), feeding: "12:34:56", seen: Time.utc(2020, 2, 29, 12, 34, 56.789), stamp: Time.utc(2020, 2, 29),
    weight: 1.5, chip: 2**62, tame: false, photo: "\x00\xff\\".b, raw: { "b" => 1, "a" => [nil] }, doc: { "deep" => { "x" => [1, 2.5, "y"] } }, tags: ["a", "b,\"c\"", "NULL"],
    grid: [[1, 2], [3, nil]], ages: 1..5, stay: Date.new(2020, 1, 1)...Date.new(2020, 2, 1), visits: Time.utc(2020)...Time.utc(2021), prices: (BigDecimal("0.5")..BigDecimal("1.5")),
    ip: "10.0.0.1", net: "10.0.0.0/8", mac: "08:00:2b:01:02:03", flags: "10101010", more: "101", place: [1.5, 2.5], span: ActiveSupport::Duration.parse("P1DT2H"), fee: "12.50",
    page: "<a/>", words: "'a' 'b'"
  )
  shown = ->(one) { one.reload.attributes.except("id", "created_at", "updated_at", "shop_id").inspect }
  puts shown.(pet)
  pet.update!(doc: pet.doc.merge("more" => true), tags: pet.tags + ["z"], weight: nil, photo: "x" * 100_000, stay: nil, seen: nil)
  puts shown.(pet)[0, 400]
  puts Pet.where(tags: ["a", "b,\"c\"", "NULL", "z"]).count, Pet.where("doc @> ?", { more: true }.to_json).count, Pet.where("? = any(tags)", "z").count, Pet.where(born: Date.new(2020)..).count, Pet.where(chip: 2**62, ip: "10.0.0.1").exists?
  stale = Pet.find(pet.id)
  pet.update!(note: "other")
  puts failure { stale.update!(note: "late") }
  puts failure { Shop.create!(name: "Zoo") }, failure { Shop.new(name: "Zoo").save!(validate: false) }, failure { Shop.insert({ name: nil, created_at: Time.now, updated_at: Time.now }) }
  puts failure { shop.pets.create!(weight: -1) }, failure { Pet.create!(shop_id: -1, weight: 1) }, failure { Shop.create!(name: "x" * 50) }, failure { Pet.find("00000000-0000-0000-0000-000000000000") }
  puts failure { Pet.where("nothing = 1").to_a }, failure { Shop.connection.execute("selec") }, failure { Pet.create!(chip: 2**70) }
  nested = Shop.create!(name: "Nested", pets_attributes: [{ note: "one" }, { note: "two" }])
  puts nested.pets.order(:note).pluck(:note, :tame).inspect
  owner = Owner.create!(name: "Ann", mood: "wild")
  shop.owners << owner
  puts Owner.joins(shops: :pets).where(shops: { kind: :large }).distinct.pluck(:name, :mood).inspect, Shop.includes(:pets, :owners).order(:name).map { |one| [one.name, one.kind, one.pets.size, one.owners.size] }.inspect
  puts Shop.eager_load(:pets).where(pets: { tame: true }).order("shops.name").map(&:name).inspect, Shop.left_joins(:pets).group(:name).order(:name).count("pets.id").inspect
end

def many
  now = Time.utc(2020)
  rows = (1..400).map { |i| { name: "shop #{i}", kind: i % 2, turnover: i, created_at: now, updated_at: now } }
  puts Shop.insert_all(rows, returning: %w[name]).rows.length
  puts Shop.insert_all(rows.first(3)).rows.length, Shop.upsert_all(rows.first(3).map { |row| row.merge(turnover: 9999) }, unique_by: :name, returning: %w[name turnover]).rows.inspect
  puts failure { Shop.insert_all!(rows.first(2)) }
  # Values and ids in the text, more than a statement of the Data API holds.
  long = (1..2000).map { |i| { name: "long '#{i}' \\ :x $1", kind: i % 2, turnover: i % 5 == 0 ? nil : BigDecimal(i) / 4, created_at: now, updated_at: now } }
  ids = Shop.insert_all(long, returning: %w[id]).rows.flatten
  puts ids.length, Shop.where(id: ids + (1..20_000).map { |i| -i }).sum(:turnover), Shop.where(id: ids).order(:id).last.name
  puts Shop.where(name: long.map { |row| row[:name] } + ["none"]).delete_all
  count = 0
  Shop.where("name like 'shop %'").find_each(batch_size: 150) { |shop| count += shop.turnover }
  puts count, Shop.in_batches(of: 200).map { |batch| batch.update_all("turnover = turnover + 1") }.inspect
  puts Shop.where("name like 'shop %'").sum(:turnover), Shop.average(:turnover).round(3), Shop.maximum(:name), Shop.group(:kind).order(:kind).minimum(:turnover).inspect
  puts Shop.where(kind: :small).order(:id).limit(2).offset(3).pluck(:name).inspect, Shop.where(name: %w[Zoo Nested]).or(Shop.where(turnover: 10_000..)).order(:name).pluck(:name).inspect
  puts Shop.where(name: "shop 1").delete_all, Shop.find_by(name: "shop 2").destroy.frozen?, Shop.find_or_create_by(name: "shop 1").previously_new_record?
  puts Shop.connection.select_all("select 1::int a, '{1,2}'::int[] b, 1.5::numeric c, now() > '2020-01-01' d, '1 day'::interval e").cast_values.inspect
  puts Shop.find_by_sql(["select * from shops where name = ?", "Zoo"]).map(&:name).inspect, Shop.count_by_sql("select count(*) from pets")
  puts Shop.where(name: "Zoo").explain.gsub(/\d+\.\d+|\d+/, "n")
end

def transacted
  names = -> { Shop.where("name like 'tx%'").order(:name).pluck(:name).inspect }
  Shop.transaction do
    Shop.create!(name: "tx outer")
    Shop.transaction(requires_new: true) do
      Shop.create!(name: "tx inner")
      raise ActiveRecord::Rollback
    end
    begin
      Shop.transaction(requires_new: true) { Shop.new(name: "tx outer").save!(validate: false) }
    rescue ActiveRecord::RecordNotUnique
      Shop.create!(name: "tx after")
    end
    Shop.transaction(requires_new: true) { Shop.transaction(requires_new: true) { Shop.create!(name: "tx deep") } }
  end
  puts names.()
  puts failure { Shop.transaction(isolation: :serializable) { [Shop.connection.select_value("show transaction_isolation"), Shop.lock.find_by(name: "tx outer").name, Shop.lock("for update skip locked").where(name: "tx deep").pluck(:name)] } }
  puts failure { Shop.transaction { Shop.connection.execute("select 1/0") rescue nil; Shop.count } }
  Shop.find_by(name: "tx outer").with_lock { |*| Shop.where(name: "tx outer").update_all(turnover: 5) }
  puts Shop.find_by(name: "tx outer").turnover
  Shop.cache { 2.times { Shop.where(name: "Zoo").to_a } }
  Shop.uncached { puts Shop.connection.select_values("select name from shops where name like 'tx%' order by 1").inspect }
  puts failure { Shop.connection.execute("set statement_timeout to 200; select pg_sleep(3)") } unless ARGV[1]
  Shop.connection.execute("set statement_timeout to default")
  Shop.connection.disable_referential_integrity { Pet.insert({ shop_id: 424242, note: "no shop", created_at: Time.now, updated_at: Time.now }) }
  puts Pet.where(shop_id: 424242).count
  threads = 4.times.map { |i| Thread.new { ActiveRecord::Base.connection_pool.with_connection { Shop.transaction { Shop.create!(name: "tx thread #{i}") } } } }
  threads.each(&:join)
  puts names.()
end

[true, false].each do |prepared|
  puts "===== prepared statements: #{prepared}"
  ActiveRecord::Base.establish_connection(url: url, prepared_statements: prepared, pool: 5, variables: { statement_timeout: "30s" })
  ActiveRecord::Base.connection.execute("drop schema public cascade; create schema public")
  ActiveRecord::Base.connection.schema_cache.clear!
  ActiveRecord::Base.connection.reset!
  [Shop, Pet, Owner].each(&:reset_column_information)
  migrated
  [Shop, Pet, Owner].each(&:reset_column_information)
  dumped if prepared
  # Without prepared statements the value is a part of the statement.
  stored
  many
  transacted
  ActiveRecord::Base.connection.schema_cache.clear!
  ActiveRecord::Base.remove_connection
end
