"""What each meter model speaks: one YAML file a model under `models/`, and the schema that checks it."""

from device_profiles.kinds import FramePoint, FrameProfile, MessageProfile, Profile
from device_profiles.loader import ProfileError, list_profiles, load_profile, load_profile_file
from device_profiles.schema import JsonPoint, JsonProfile, ModbusPoint, ModbusProfile, Point

__all__ = [
    "FramePoint",
    "FrameProfile",
    "JsonPoint",
    "JsonProfile",
    "MessageProfile",
    "ModbusPoint",
    "ModbusProfile",
    "Point",
    "Profile",
    "ProfileError",
    "list_profiles",
    "load_profile",
    "load_profile_file",
]
