package dev.sfumato.tensor;

import java.util.EnumMap;
import java.util.Map;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorOptions;

/** Constant native arguments, made once instead of allocated in each call. */
final class Options {
  static final ScalarTypeOptional NO_TYPE = Engine.call(ScalarTypeOptional::new);
  static final ScalarOptional NO_SCALAR = Engine.call(ScalarOptional::new);
  static final TensorOptional NO_TENSOR = Engine.call(TensorOptional::new);
  private static final Map<DType, TensorOptions> BY_TYPE = new EnumMap<>(DType.class);

  static {
    for (DType type : DType.values()) {
      BY_TYPE.put(type, Engine.call(() -> new TensorOptions(type.scalarType())));
    }
  }

  private Options() {}

  static TensorOptions of(DType type) {
    return BY_TYPE.get(type);
  }
}
