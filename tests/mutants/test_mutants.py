"""The planted defects still fit the code; whether they are found is ./dev mutants' work, which takes long."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import mutants  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]


class MutantsTest(unittest.TestCase):
    def test_the_text_of_each_stands_once_in_its_file(self):
        for each in mutants.load():
            with self.subTest(each.name):
                self.assertEqual(1, each.occurrences(ROOT))

    def test_each_changes_something_and_has_a_name_of_its_own(self):
        all_of_them = mutants.load()
        self.assertEqual(len(all_of_them), len({each.name for each in all_of_them}))
        for each in all_of_them:
            with self.subTest(each.name):
                self.assertNotEqual(each.text, each.put)


if __name__ == "__main__":
    unittest.main()
