"""What people have, a module per format: `matches`, `open_dataset`, `write` where they make sense.

- `dsb` (its files: `dsb_files`): DSB2018 folders and zip files, read only.
- `kaggle`: CSV of run lengths, solutions and submissions; `coco` (checks: `coco_document`): JSON.
- `labels`: folders of label images; `npz`: nucfuse's own file of nuclei.
- `geojson` (QuPath) and `imagej` (ROIs): write only.
- `probabilities`: maps of networks; `image_folder`: the images themselves; `metadata`: a CSV about
  them.
- `writing`: what the writers share.
"""
