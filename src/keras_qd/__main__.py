"""``python -m keras_qd`` is the command line."""

from keras_qd.cli.main import main

if __name__ == "__main__":
    main()
