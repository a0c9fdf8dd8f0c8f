#!/bin/sh
# The commands that trained the bundled models. Each saves and resumes: run it again after a stop.
# Usage: bundle/train.sh NAME; the folder is .cache/train/NAME. First: python -m model.corpus (and python -m model.corpus.dyck).
# The sparser and the denser sibling start from the weights of python-3x128; all of them share its tokeniser:
# put bundle/models/python-3x128/tokenizer.json into .cache/corpus/tokenizer before the corpus is written.
set -eu
name=$1
folder=.cache/train
train() { ${PYTHON:-.venv/bin/python} -m model.training "$folder/$name" --threads 1 "$@"; }
python() { train --real-fraction 0.3 --batch-windows 16 --d-pos-emb 8 "$@"; }
dyck() {
    train --corpus .cache/dyck --real-fraction 0 --n-layer 2 --d-model 64 --d-head 16 --block-size 64 --density 0.1 \
        --learning-rate 0.06 --n-steps 2000 --no-bf16 --seed "${name#*-s}" "$@"
}

case $name in
python-3x128) python --n-layer 3 --d-model 128 --density 0.05 --learning-rate 0.08 --n-steps 36000 ;;
python-3x128-sparser)
    python --n-layer 3 --d-model 128 --density 0.025 --first-density 0.05 --learning-rate 0.03 --n-steps 3000 \
        --start-from bundle/models/python-3x128 ;;
python-3x128-sparsest)
    python --n-layer 3 --d-model 128 --density 0.0125 --first-density 0.025 --learning-rate 0.03 --n-steps 3000 \
        --start-from bundle/models/python-3x128-sparser ;;
python-3x128-denser)
    python --n-layer 3 --d-model 128 --density 0.1 --first-density 0.1 --learning-rate 0.03 --n-steps 3000 \
        --start-from bundle/models/python-3x128 ;;
python-3x128-dense) python --n-layer 3 --d-model 128 --density 1 --learning-rate 0.015 --n-steps 4500 ;;
python-2x128-s[0-9]) python --n-layer 2 --d-model 128 --density 0.05 --learning-rate 0.08 --n-steps 4000 --seed "${name#*-s}" ;;
dyck-topk-s[0-9]) dyck --afrac 0.25 ;;
dyck-s[0-9]) dyck ;;
*) echo "no model $name" >&2; exit 2 ;;
esac
