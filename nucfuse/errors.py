"""The error that says the user's input is at fault; light, for the command line imports it."""

_CV_NO_MEMORY = -4  # cv::Error::StsNoMem


class DataError(ValueError):
    """Something is wrong with a user's file; the message says what, where and what to do."""


class MapError(DataError):
    """The probability maps of one image cannot be used; those of others may be good."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether it says that there is not enough memory; OpenCV has an error of its own for that.

    Examples
    --------
    >>> is_out_of_memory(MemoryError()), is_out_of_memory(ValueError())
    (True, False)
    """
    is_of_opencv = type(error).__module__ == "cv2" and getattr(error, "code", 0) == _CV_NO_MEMORY
    return isinstance(error, MemoryError) or is_of_opencv
