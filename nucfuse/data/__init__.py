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

from typing import TYPE_CHECKING

from nucfuse._lazy import attach

if TYPE_CHECKING:
    from nucfuse.data.atomic_output import atomic_file, atomic_folder
    from nucfuse.data.dataset import Dataset, Sample
    from nucfuse.data.formats.image_folder import open_images
    from nucfuse.data.formats.probabilities import read_probabilities, write_probabilities
    from nucfuse.data.image_ids import escape_id, id_of_file, unescape_id
    from nucfuse.data.io import open_dataset, open_sizes, read, write, write_dataset
    from nucfuse.data.pairing import Pairing, pair
    from nucfuse.data.sample_images import copy_sample, sample_folder

__getattr__, __dir__, __all__ = attach(__name__)
