package dev.sfumato.guidance;

import dev.sfumato.clip.ClipModel;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;

/** The pictures and models from which guides are made. */
public interface GuideSources {
  /**
   * Returns the picture in a file, resized and cut to the size of the drawn pictures: (1, C, H, W)
   * in [-1, 1].
   */
  Tensor picture(Path file);

  /**
   * Returns the CLIP model of a directory, a file or a Hub id, shared by all guides that name it.
   */
  ClipModel clip(String name);
}
