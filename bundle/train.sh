#!/bin/sh
# The commands that trained the bundled models. Each saves and resumes: run it again after a stop.
# Usage: bundle/train.sh NAME; the folder is .cache/train/NAME. First: python -m model.corpus (and python -m model.corpus.dyck).
set -eu
name=$1
train() { ${PYTHON:-.venv/bin/python} -m model.training ".cache/train/$name" "$@"; }
python() { train --real-fraction 0.3 --batch-windows 16 --d-pos-emb 8 --threads 1 "$@"; }

case $name in
python-3x128) python --n-layer 3 --d-model 128 --density 0.05 --learning-rate 0.08 --n-steps 36000 --keep-at 17000 ;;
dyck-s[0-9])
    train --corpus .cache/dyck --real-fraction 0 --n-layer 2 --d-model 64 --d-head 16 --block-size 64 --density 0.1 \
        --learning-rate 0.06 --n-steps 2000 --no-bf16 --threads 1 --seed "${name#*-s}" ;;
*) echo "no model $name" >&2; exit 2 ;;
esac
