"""What is detected in repositories for Ruby."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.presets.repository import detected, refused

GEMFILE = """source "https://rubygems.example"
gem "rails", "~> 7.2"
gem "puma"
group :development, :test do
  gem "debug"
end
"""
LOCK = """GEM
  specs:
    debug (1.9.2)
    puma (6.6.0)
    rails ({})

PLATFORMS
  ruby
"""


def rails(version: str = "7.2.2.2", gemfile: str = GEMFILE) -> dict[str, str]:
    return {"Gemfile": gemfile, "Gemfile.lock": LOCK.format(version)}


def test_all_of_it_from_debian(tmp_path: Path) -> None:
    routes = 'get "up" => "rails/health#show", as: :rails_health_check\n'
    seen = detected(tmp_path, {**rails(), "config/routes.rb": routes})
    assert (seen.names, seen.title) == (("rails",), "Rails")
    assert seen.packages == ("ruby", "bundler", "ruby-rails", "puma")
    assert "bundle install --quiet --local ||" in seen.build
    assert seen.health_path == "/up"
    assert seen.environment == {"PIDFILE": "/tmp/server.pid"}
    assert seen.why == {
        "title": "Gemfile.lock has rails",
        "packages": "Debian's Ruby 3.3.14",
        "build": "Debian has all that Gemfile.lock asks for",
        "health_path": "config/routes.rb has it",
    }


def test_debians_patch_of_a_gem_stands_for_another(tmp_path: Path) -> None:
    assert "ruby-rails" in detected(tmp_path, rails("7.2.1")).packages


def test_a_gem_of_another_platform_is_in_no_lock(tmp_path: Path) -> None:
    gemfile = f'{GEMFILE}gem "tzinfo-data", platforms: %i[ windows jruby ]\n'
    assert "ruby-rails" in detected(tmp_path, rails(gemfile=gemfile)).packages


def test_other_versions_come_from_rubygems(tmp_path: Path) -> None:
    seen = detected(tmp_path, rails("8.0.2"))
    assert seen.packages == ("ruby", "bundler")
    assert "bundle install --quiet --jobs 2" in seen.build
    assert "BUNDLE_PATH=vendor/bundle" in seen.build


def test_assets_are_compiled_where_there_are_any(tmp_path: Path) -> None:
    files = rails("8.0.2")
    files["Gemfile.lock"] += "    propshaft (1.1.0)\n"
    assert detected(tmp_path, files).build.splitlines()[-1] == (
        "SECRET_KEY_BASE_DUMMY=1 bin/rails assets:precompile"
    )


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({".ruby-version": "ruby-3.3.6\n"}, "Debian's Ruby 3.3.14 fits 3.3.6 in .ruby-version"),
        ({".tool-versions": "ruby 3.3.14\n"}, "Debian's Ruby 3.3.14 fits 3.3.14 in .tool-versions"),
        ({"Gemfile": GEMFILE + 'ruby "~> 3.2"\n'}, "Debian's Ruby 3.3.14 fits ~> 3.2 in Gemfile"),
        (
            {".ruby-version": "3.4.1\n"},
            "Ruby 3.4.1 from mise, for Debian's 3.3.14 does not fit 3.4.1 in .ruby-version",
        ),
    ],
)
def test_the_file_that_names_a_version(tmp_path: Path, files: dict[str, str], why: str) -> None:
    assert detected(tmp_path, {**rails(), **files}).why["packages"] == why


def test_a_lock_that_lacks_something(tmp_path: Path) -> None:
    assert refused(tmp_path, rails(gemfile=GEMFILE + 'gem "pg"\n')) == (
        "shop/Gemfile.lock: should be what Gemfile asks for (pg), got a lock without it. "
        "Run `bundle lock`, and commit Gemfile.lock."
    )


def test_no_lock(tmp_path: Path) -> None:
    assert refused(tmp_path, {"Gemfile": GEMFILE}) == (
        "shop/Gemfile: should be beside Gemfile.lock, got none. "
        "Run `bundle lock`, and commit Gemfile.lock."
    )
