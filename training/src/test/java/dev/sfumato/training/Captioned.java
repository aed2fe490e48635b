package dev.sfumato.training;

import dev.sfumato.data.Dataset;
import dev.sfumato.picture.Pixels;
import java.util.Collections;
import java.util.List;

/** Random pictures with a caption each. */
public record Captioned(PictureList pictures, List<String> captions) implements Dataset {
  /** Pictures of {@code side} pixels with these captions. */
  public static Captioned random(List<String> captions, int side, long seed) {
    return new Captioned(PictureList.random(captions.size(), 3, side, 0, seed), captions);
  }

  /** Pictures that all have the same caption. */
  static Captioned random(int count, String caption, int side, long seed) {
    return random(Collections.nCopies(count, caption), side, seed);
  }

  @Override
  public int size() {
    return pictures.size();
  }

  @Override
  public int channels() {
    return pictures.channels();
  }

  @Override
  public int height() {
    return pictures.height();
  }

  @Override
  public int width() {
    return pictures.width();
  }

  @Override
  public List<String> classNames() {
    return List.of();
  }

  @Override
  public int label(int index) {
    throw new IllegalStateException();
  }

  @Override
  public Pixels pixels(int index) {
    return pictures.pixels(index);
  }
}
