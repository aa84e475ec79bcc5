"""The repository keeps the house rules."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import tidy  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]


class TreeTest(unittest.TestCase):
    def test_every_rule_holds(self):
        tree = tidy.load_repository(ROOT)
        for rule in tidy.RULES:
            with self.subTest(rule=rule.__name__):
                findings = list(rule(tree))
                self.assertFalse(findings, "\n" + "\n".join(map(str, findings)))


if __name__ == "__main__":
    unittest.main()
