package dev.sfumato.guidance;

import dev.sfumato.clip.ClipModel;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;

/** What guides are made of, as a sampling needs it. */
public interface GuideSources {
  /** The picture of a file, resized and cut to the size that is drawn: (1, C, H, W) in [-1, 1]. */
  Tensor picture(Path file);

  /** The CLIP model of a directory, a file or a Hub id; one for all guides that name it. */
  ClipModel clip(String name);
}
