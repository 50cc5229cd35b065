"""Reading and writing what users have, and looking at it.

- `io`: the door: `read`, `write`, `open_dataset`, `write_dataset`, sizes from other files.
- `dataset`: what every format is read into (`Dataset`, `Sample`); `pairing`: truth with prediction.
- `formats/`: one module per format that people have; `readers/`: files of one kind (PNG, TIFF,
  zip, ...), strictly; `image_ids`: ids and file names; `atomic_output`: outputs whole or not there;
  `run_record`: what was run (``run.json``); `sample_images`: those that come with the package.
- `modality`: kinds of microscopy; `intensity`: grids of pixels, stretches; `stains/`: colours of
  tissue; `augment`: random changes for training.
- `doctor`: what is wrong with a data set; `clean_truth`: annotations repaired; `image_facts` and
  `statistics`: what it is made of; `splits/`: which images train and which are held out.
"""
