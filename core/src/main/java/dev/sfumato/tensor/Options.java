package dev.sfumato.tensor;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.bytedeco.pytorch.DeviceOptional;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorOptions;

/** Constant native arguments, made once instead of allocated in each call. */
final class Options {
  static final ScalarTypeOptional NO_TYPE = Engine.call(ScalarTypeOptional::new);
  static final ScalarOptional NO_SCALAR = Engine.call(ScalarOptional::new);
  static final TensorOptional NO_TENSOR = Engine.call(TensorOptional::new);
  private static final Map<Wanted, TensorOptions> MADE = new ConcurrentHashMap<>();

  private record Wanted(DType type, Device device) {}

  private Options() {}

  static TensorOptions of(DType type) {
    return of(type, Device.CPU);
  }

  static TensorOptions of(DType type, Device device) {
    return MADE.computeIfAbsent(
        new Wanted(type, device),
        wanted -> {
          try (org.bytedeco.pytorch.Device handle = device.handle();
              DeviceOptional place = new DeviceOptional(handle);
              TensorOptions plain = new TensorOptions(type.scalarType())) {
            return plain.device(place);
          }
        });
  }
}
