# Shortcuts; everything is plain Maven below.
.PHONY: build test format bench clean

build:
	mvn -q -B -DskipTests package && touch cli/target/built

test:
	mvn -q -B verify

format:
	mvn -q -B spotless:apply

bench: build
	python3 bench/run.py

clean:
	mvn -q -B clean
