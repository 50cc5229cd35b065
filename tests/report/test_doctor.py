"""The doctor's findings for people and machines."""

import json

from nucfuse.data.doctor import Finding, Report
from nucfuse.report.doctor import doctor_json, doctor_text


def test_findings_are_counted_and_the_first_are_shown():
    findings = [Finding(name, "unreadable", 1, f"{name} broken") for name in "abcde"]
    report = Report("folder", "test", 5, 0, findings)
    said = doctor_text(report)
    assert "unreadable: 5 in 5 images. Remedy: mend or leave out the file." in said
    assert "c: c broken" in said and "2 more images" in said
    assert len(json.loads(doctor_json(report))["findings"]) == 5


def test_nothing_wrong():
    assert "Nothing wrong" in doctor_text(Report("folder", "test", 5, 9, []))
