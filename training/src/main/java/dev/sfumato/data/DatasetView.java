package dev.sfumato.data;

import dev.sfumato.picture.Pixels;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/** A view of another data set: all or some of its pictures, unchanged or changed. */
public class DatasetView implements Dataset {
  private final Dataset original;
  private final int[] indices;
  private final List<String> captions;

  /** All pictures of {@code original}. */
  public DatasetView(Dataset original) {
    this(original, IntStream.range(0, original.size()).toArray());
  }

  /** The pictures of {@code original} with these numbers, in this order. */
  public DatasetView(Dataset original, int[] indices) {
    this.original = original;
    this.indices = indices.clone();
    List<String> all = original.captions();
    captions = all.isEmpty() ? all : IntStream.of(indices).mapToObj(all::get).toList();
  }

  @Override
  public int size() {
    return indices.length;
  }

  @Override
  public int channels() {
    return original.channels();
  }

  @Override
  public int height() {
    return original.height();
  }

  @Override
  public int width() {
    return original.width();
  }

  @Override
  public List<String> classNames() {
    return original.classNames();
  }

  @Override
  public int label(int index) {
    return original.label(indices[index]);
  }

  @Override
  public List<String> captions() {
    return captions;
  }

  @Override
  public int repeats(int index) {
    return original.repeats(indices[index]);
  }

  @Override
  public Frame frame(int index) {
    return original.frame(indices[index]);
  }

  @Override
  public boolean hasMasks() {
    return original.hasMasks();
  }

  @Override
  public Optional<Pixels> mask(int index) {
    return original.mask(indices[index]);
  }

  @Override
  public Pixels pixels(int index) {
    return original.pixels(indices[index]);
  }
}
